import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from fractions import Fraction

import numpy as np
import pytest

from pruning.data import DataSet
from pruning.executors import executor
from pruning.granularities import units
from pruning.masks import Masks
from pruning.models import Model
from pruning.selectors import Problem, RandomMasks
from pruning.selectors.problem import draw

distributed = pytest.importorskip("distributed")


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**options, silence_logs=50) as local:
        yield local.scheduler_address


class Murderous(Executor):
    """An executor that kills a worker's process once some work is under way."""

    def __init__(self, pool: Executor, victim: int, after: int) -> None:
        self.pool, self.victim, self.left = pool, victim, after

    def submit(self, fn, /, *args, **options) -> Future:
        future = self.pool.submit(fn, *args, **options)
        self.left -= 1
        if self.left == 0:
            os.kill(self.victim, signal.SIGKILL)
        return future


def problem(trained: Model, digits: DataSet, pool: Executor | None = None) -> Problem:
    return Problem(
        trained,
        digits,
        units(trained.module.graph, "feature-map", Fraction(1, 2)),
        executor=pool,
    )


def drawn(asked: Problem, count: int) -> list[Masks]:
    rng = np.random.default_rng(0)
    return [draw(asked.units, rng) for _ in range(count)]


def test_dask_scores_as_this_process_does_though_a_worker_dies(trained: Model, digits: DataSet):
    alone = problem(trained, digits)
    masks = drawn(alone, 40)
    counts = alone.scores(masks)
    with cluster() as address, executor(scheduler=address) as pool:
        assert pool is not None
        victim = pool.submit(os.getpid).result()
        shared = problem(trained, digits, Murderous(pool, victim, after=4))
        assert shared.scores(masks) == counts
        assert shared.best(masks) == (int(np.argmin(counts)), min(counts))
        with pytest.raises(ProcessLookupError):
            os.kill(victim, 0)


def test_processes_choose_the_same_masks(trained: Model, digits: DataSet):
    selector = RandomMasks(candidates=9)
    expected = selector.select(problem(trained, digits))
    with executor(2) as pool:
        assert pool is not None
        found = selector.select(problem(trained, digits, pool))
    assert found.candidates == expected.candidates
    assert found.masks.keys() == expected.masks.keys()
    for name, mask in found.masks.items():
        np.testing.assert_array_equal(mask, expected.masks[name])


def test_one_worker_is_this_process():
    with executor(1) as pool:
        assert pool is None


def test_workers_must_be_positive():
    with pytest.raises(ValueError, match=r"^workers must be at least 1, not 0$"), executor(0):
        pass
