"""Executors: masks are scored by other processes, of this machine or of many."""

import multiprocessing
import pickle
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

import torch

from pruning.data import Split
from pruning.graph_module import GraphModule
from pruning.graph_records import describe, rebuild
from pruning.masks import Masks
from pruning.models import Model
from pruning.score import Scorer
from pruning.threads import use_threads
from pruning.units import Units

PIECE = 16  # masks that a worker scores at a time; of the best one it sees more, to give up early
RACE = 32


@contextmanager
def executor(workers: int = 1, scheduler: str | None = None) -> Iterator[Executor | None]:
    """Start what scores masks; None is this process itself.

    Parameters
    ----------
    workers : int
        Processes of this machine, each with one thread.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://host:8786``, whose workers are used instead;
        they need this package. What a lost worker had to do is done by another.

    Raises
    ------
    ValueError
        If the number is out of range, or Dask is not installed.
    OSError
        If there is no such scheduler.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers!r}")
    if scheduler is not None:
        try:
            import dask.config
            from distributed import Client
        except ImportError as error:
            raise ValueError("scheduler needs Dask: pip install 'secateur[distributed]'") from error
        # Pictures travel with a task to a worker that has none; Dask would warn of their size.
        with (
            dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"}),
            Client(scheduler) as client,
            client.get_executor(retries=10) as pool,
        ):
            yield pool
    elif workers == 1:
        yield None
    else:
        context = multiprocessing.get_context("spawn")  # threads do not survive a fork
        with ProcessPoolExecutor(workers, context) as pool:
            yield pool


class Workers:
    """Scores masks as a `Scorer` does, on the workers of an executor.

    The model and the pictures go to a worker once; it holds them until it gets others.

    Parameters
    ----------
    pool : Executor
        Of processes; such as `concurrent.futures.ProcessPoolExecutor`, or what
        `distributed.Client.get_executor` returns.
    model, units, split
        As a `Scorer`'s.
    """

    def __init__(self, pool: Executor, model: Model, units: Sequence[Units], split: Split) -> None:
        found = model.module.graph
        tensors = {node.key(name): t for node in found.nodes for name, t in node.tensors.items()}
        arrays = {key: tensor.numpy() for key, tensor in tensors.items()}
        parts = (describe(found), arrays, model.pixels, tuple(units), split)
        self.pool = pool
        self.parts = zlib.compress(pickle.dumps(parts), 1)
        self.key = blake2b(self.parts, digest_size=16).hexdigest()

    def scores(self, masks: Sequence[Masks]) -> list[int]:
        """Count the errors of the model pruned by each of some masks."""
        return [count for counts in self._ask("scores", masks, PIECE) for count in counts]

    def best(self, masks: Sequence[Masks]) -> tuple[int, int]:
        """Find the mask with the fewest errors, of equals the first: its index, and its errors."""
        found = enumerate(self._ask("best", masks, RACE))
        if not masks:
            raise ValueError("masks must be at least one, not none")
        errors, index = min((errors, piece * RACE + at) for piece, (at, errors) in found)
        return index, errors

    def _ask(self, what: str, masks: Sequence[Masks], size: int) -> Iterator[Any]:
        pieces = [list(masks[at : at + size]) for at in range(0, len(masks), size)]
        answers = [self.pool.submit(_answer, self.key, None, what, piece) for piece in pieces]
        for at, piece in enumerate(pieces):
            if answers[at].result() is None:
                answers[at] = self.pool.submit(_answer, self.key, self.parts, what, piece)
        return (answer.result() for answer in answers)


_held: dict[str, Scorer] = {}
"""The scorer of a worker, by its key."""


def _answer(key: str, parts: bytes | None, what: str, masks: Sequence[Masks]) -> Any:
    """Answer in a worker; None if it has no scorer and is given no parts to make it of."""
    if key not in _held:
        if parts is None:
            return None
        record, arrays, pixels, units, split = pickle.loads(zlib.decompress(parts))
        _held.clear()
        _held[key] = Scorer(Model(_module(record, arrays), pixels), units, split)
    with use_threads(1):
        return getattr(_held[key], what)(masks)


def _module(record: dict[str, Any], arrays: dict[str, Any]) -> GraphModule:
    tensors = {key: torch.from_numpy(array.copy()) for key, array in arrays.items()}
    return GraphModule(rebuild(record, tensors))
