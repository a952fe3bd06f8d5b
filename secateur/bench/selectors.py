"""Selectors of masks under one protocol: the same weights, shares, pictures and retraining."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from hw.whole_file import write_whole
from pruning.allocation import Shares, uniform
from pruning.constraints import Constraints
from pruning.data import DataSet
from pruning.evaluate import evaluate
from pruning.graph import Convolution, Graph, Linear
from pruning.models import Model, graph_macs, survivors_of
from pruning.price import Build, Price, nominal
from pruning.prune import prune
from pruning.resume import check_arguments, data_digest, model_digest
from pruning.selectors import Selector
from pruning.selectors.making import make_selector
from pruning.train import train

SCHEMA = "secateur.selectors/2"
OF = ("weights", "macs")
UPDATES = 250  # of the probabilities while `probabilistic` prunes, as its own settings have
ROUNDS = 5  # in which masks are scored that depend on what earlier ones have shown

Note = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Protocol:
    """What is the same for all selectors.

    Parameters
    ----------
    of : str
        What a ratio is a part of: ``weights``, surviving ones of convolutions, or ``macs``.
    train_images, epochs, rate, batch, augment :
        Retraining: the first so many training pictures, from which selectors learn too, and
        arguments of `pruning.train.train`.
    images : int
        First so many validation pictures, by which masks are judged.
    masks : int
        How many masks a selector that searches may score, at most; at least 10.
    iterations : int
        Steps that ``probabilistic`` trains while it prunes, at most; 0: as many as retraining has.
    multipliers : int
        Of the hardware whose cycles are told, and whose LUTs on ECP5 are predicted.
    threads : int

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    of: str = "weights"
    train_images: int = 20_000
    epochs: int = 1
    rate: float = 0.01
    batch: int = 64
    augment: bool = False
    images: int = 1000
    masks: int = 100
    iterations: int = 0
    multipliers: int = 64
    threads: int = 1

    def __post_init__(self) -> None:
        if self.of not in OF:
            raise ValueError(f"of must be {' or '.join(OF)}, not {self.of!r}")
        least = {"iterations": 0, "masks": 10, "train_images": self.batch}
        for name in ("train_images", "epochs", "images", "masks", "iterations", "multipliers"):
            if getattr(self, name) < least.get(name, 1):
                raise ValueError(
                    f"{name} must be at least {least.get(name, 1)}, not {getattr(self, name)!r}"
                )


@dataclass(frozen=True)
class Case:
    """Who cuts what, and which part of it, from 0 to 1; the seed is that of all random choices."""

    selector: str
    granularity: str
    ratio: float
    seed: int

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError(f"ratio must be above 0 and below 1, not {self.ratio!r}")


class Bench:
    """Prunes copies of one model, one case after the other.

    Only convolutions give up units, and not those that read the picture; every layer keeps the same
    share. Test pictures are looked at for nothing but the accuracy that is told.

    Parameters
    ----------
    model : Model
        Trained.
    data : DataSet
        Its pictures.
    protocol : Protocol

    Raises
    ------
    ValueError
        If pictures are of another shape than the model's, or there are too few multipliers.
    """

    def __init__(self, model: Model, data: DataSet, protocol: Protocol) -> None:
        if model.pixels.shape != data.pixels.shape:
            shape = model.pixels.shape
            raise ValueError(f"pictures must be {shape} as the model's, not {data.pixels.shape}")
        self.model, self.protocol = model, protocol
        self.data = replace(
            data,
            pixels=model.pixels,
            train=data.train[: protocol.train_images],
            validation=data.validation[: protocol.images],
        )
        self.recipe = {
            "epochs": protocol.epochs,
            "rate": protocol.rate,
            "batch": min(protocol.batch, len(self.data.train)),
            "augment": protocol.augment,
        }
        nodes = model.module.structure.nodes
        linear = (node.name for node in nodes if isinstance(node.operation, Linear))
        self.constraints = Constraints(protect=tuple(linear))
        self.price: Price = conv_weights if protocol.of == "weights" else graph_macs
        self.shares = cache(self._shares)

    @property
    def steps(self) -> int:
        """Steps of retraining."""
        return self.protocol.epochs * (len(self.data.train) // self.recipe["batch"])

    @cached_property
    def head(self) -> dict[str, Any]:
        """What decides all rows, and what the model is that is not pruned."""
        asked = {"seed": 1, "threads": self.protocol.threads}
        retrained = train(self.model, self.data, **asked, **self.recipe)
        accuracy = {"trained": self._accuracy(self.model), "retrained": self._accuracy(retrained)}
        return {
            **self.begun,
            "steps": self.steps,
            "dense": {"accuracy": accuracy, **self._figures(self.model)},
        }

    @cached_property
    def begun(self) -> dict[str, Any]:
        """What decides all rows."""
        return {
            "schema": SCHEMA,
            "protocol": asdict(self.protocol),
            "data": {
                "name": self.data.name,
                "digest": data_digest(self.data, "train", "validation", "test"),
                **{part: len(getattr(self.data, part)) for part in ("train", "validation", "test")},
            },
            "model": model_digest(self.model),
        }

    def row(self, case: Case) -> dict[str, Any]:
        """Prune and retrain; describe both as plain data, or say why it is not possible."""
        asked = self.protocol
        selector = self.selector(case.selector)
        start = time.process_time()
        try:
            pruned = prune(
                self.model,
                self.data,
                shares=self.shares(case.granularity, case.ratio),
                granularity=case.granularity,
                selector=selector,
                constraints=self.constraints,
                seed=case.seed,
                threads=asked.threads,
            )
        except ValueError as error:
            return asdict(case) | {"undefined": str(error)}
        chosen = time.process_time()
        trained = train(pruned, self.data, seed=case.seed, threads=asked.threads, **self.recipe)
        seconds = {"select": chosen - start, "retrain": time.process_time() - chosen}
        facts = pruned.facts["prune"]
        return asdict(case) | {
            "undefined": None,
            "settings": facts["settings"],
            "kept": facts["kept"],
            "accuracy": {"pruned": self._accuracy(pruned), "retrained": self._accuracy(trained)},
            **self._figures(trained),
            "unfinished": facts["log"].get("unfinished", []),
            "seconds": {name: round(value, 3) for name, value in seconds.items()},
        }

    def selector(self, name: str) -> Selector:
        """Make a selector that scores, and trains, no more than the protocol lets it."""
        asked = self.protocol
        iterations = asked.iterations or self.steps
        settings: dict[str, dict[str, Any]] = {
            "random-masks": {"candidates": asked.masks},
            "particle-filter": {"particles": asked.masks // ROUNDS, "generations": ROUNDS},
            "linear-ensembles": {"masks": asked.masks // ROUNDS, "steps": ROUNDS},
            "probabilistic": {
                "iterations": iterations,
                "t": max(1, iterations // UPDATES),
                "batch": self.recipe["batch"],
                "augment": asked.augment,
            },
        }
        return make_selector(name, **settings.get(name, {}))

    def _shares(self, granularity: str, ratio: float) -> Shares:
        found = self.model.module.graph
        limit = (1 - Fraction(str(ratio))) * Fraction(self.price(found))
        return uniform(found, granularity, self.price, limit, self.constraints)

    def _accuracy(self, model: Model) -> float:
        return evaluate(model, self.data.test, threads=self.protocol.threads)

    def _figures(self, model: Model) -> dict[str, Any]:
        found = model.module.graph
        hardware = Build(multipliers=self.protocol.multipliers)(nominal(found, model.pixels))
        assert hardware is not None  # only a rate can be too high
        weights, macs = conv_weights(found), graph_macs(found)
        costs = {"cycles": hardware.cycles, "luts": hardware.area.luts}
        return {"weights": weights, "macs": macs, **costs}


def conv_weights(found: Graph) -> int:
    """Count the surviving weights of a graph's convolutions."""
    return sum(survivors_of(n) for n in found.nodes if isinstance(n.operation, Convolution))


def measure(bench: Bench, cases: Sequence[Case], path: Path, note: Note) -> list[dict[str, Any]]:
    """Make the rows of cases; those that are in a file already are not made again.

    Parameters
    ----------
    path : path
        JSON lines: the head, then a row each. It is whole whenever work is killed.

    Returns
    -------
    list of dict
        The head; then a row for every case, in their order.

    Raises
    ------
    ValueError
        If the file is damaged, or of another protocol, model or data; the first difference is
        named.
    """
    lines = list(_read(path))
    if lines:
        check_arguments(path, _flat(lines[0]), _flat(bench.begun))
    head, *kept = lines or [bench.head]
    rows = {Case(**{key: row[key] for key in Case.__annotations__}): row for row in kept}
    for done, case in enumerate(cases):
        ratio = f"{case.ratio:.0%}"
        note(f"{case.selector} {case.granularity} {ratio} {case.seed}", done, len(cases))
        if case not in rows:
            rows[case] = bench.row(case)
            lines = [json.dumps(line, sort_keys=True) + "\n" for line in (head, *rows.values())]
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, "".join(lines))
    note("measured", len(cases), len(cases))
    return [head, *(rows[case] for case in cases)]


def _flat(head: dict[str, Any]) -> dict[str, Any]:
    """Everything that decides the rows, by name."""
    return {"schema": head["schema"], "model": head["model"], **head["data"], **head["protocol"]}


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """Head and rows of a file, nothing if it is not there."""
    if path.is_file():
        try:
            yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())
        except ValueError as error:
            raise ValueError(f"{path}: not rows of secateur bench selectors: {error}") from error
