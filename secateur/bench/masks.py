"""The benchmark of scoring masks: how much faster than running the masked model, and as exact."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np
import torch
from torch import nn

from pruning.allocation import uniform
from pruning.constraints import NONE, Constraints
from pruning.coupling import makes
from pruning.data import DataSet, Split
from pruning.evaluate import normalise
from pruning.executors import PIECE, executor
from pruning.granularities import candidates, units
from pruning.graph import Convolution, Graph
from pruning.masks import Masks, surviving_weights
from pruning.models import Model, graph_macs
from pruning.selectors.problem import Problem, draw
from pruning.threads import use_threads
from pruning.units import Units
from secateur.table import table

BATCHES = (50, 100, 250, 500, 1000)
SAMPLE = 2  # masks by which the naive loop finds its best batch
RATIO = 0.5  # of all multiply-adds

Note = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Case:
    """Masks that are scored."""

    name: str
    units: tuple[Units, ...]
    masks: tuple[Masks, ...]


def cases(found: Graph, count: int, seed: int = 0) -> list[Case]:
    """Draw masks: of maps all over the model, of those of its last stage, and of its last layer.

    The first ones are of maps that one layer makes alone, and take half of the multiply-adds. The
    last stage is the layers whose maps are as small as those of the last convolution.
    """
    layers = [node for node in found.nodes if isinstance(node.operation, Convolution)]
    last = layers[-1]
    known = [c.name for c in candidates(found, "feature-map")]
    alone = [c for c in known if _inner(found, c)] or known
    inner = Constraints(layers=tuple(alone))
    small = {node.name for node in layers if node.shape[1:] == last.shape[1:]}
    stage = Constraints(layers=tuple(name for name in alone if name in small) or (alone[-1],))
    half, most = Fraction(1, 2), RATIO * graph_macs(found)
    asked = [
        ("joint", "feature-map", NONE, None),
        ("joint, inner maps", "feature-map", inner, None),
        ("last stage", "feature-map", stage, half),
        ("last convolution", "kernel", Constraints(layers=(last.name,)), half),
    ]
    made = []
    for name, granularity, constraints, share in asked:
        shares = share or uniform(found, granularity, graph_macs, most, constraints)
        chosen, rng = units(found, granularity, shares, constraints), np.random.default_rng(seed)
        made.append(Case(name, chosen, tuple(draw(chosen, rng) for _ in range(count))))
    return made


def _inner(found: Graph, name: str) -> bool:
    """Whether one layer alone makes the maps of a candidate."""
    (unit,) = units(found, "feature-map", {name: Fraction(1)})
    return len([layer for layer in unit.owned if layer != name]) == 0


class Naive:
    """Masks the weights of a plain module and runs all of it on all pictures.

    Parameters
    ----------
    module : nn.Module
        As it is imported, with a parameter for each weight; stays as it is but while it is judged.
    """

    def __init__(self, module: nn.Module, model: Model, split: Split) -> None:
        self.module, self.labels = module.eval(), split.labels
        x = normalise(split.images, model.pixels)
        self.layouts = {"channels last": x, "channels first": x.contiguous()}
        nodes = model.module.structure.nodes
        self.keys = {node.name: node.key("weight") for node in nodes if makes(node)}

    @torch.no_grad()
    def errors(self, units: Sequence[Units], masks: Masks, layout: str, batch: int) -> int:
        """Count the pictures that the masked module errs on."""
        parameters, kept = dict(self.module.named_parameters()), {}
        for layer, stays in surviving_weights(units, masks).items():
            weight = parameters[self.keys[layer]]
            kept[weight] = weight.clone()
            weight.mul_(torch.from_numpy(stays))
        parts = [self.module(part) for part in self.layouts[layout].split(batch)]
        for weight, whole in kept.items():
            weight.copy_(whole)
        return int((torch.cat(parts).argmax(1).numpy() != self.labels).sum())


def measure(
    model: Model, module: nn.Module, data: DataSet, masks: int, images: int, note: Note
) -> list[dict]:
    """Score masks in all ways on one thread, and on two processes; a row for each way.

    Parameters
    ----------
    model : Model
    module : nn.Module
        What the model was made of, in plain PyTorch.
    data : DataSet
        The first validation pictures judge.
    masks, images : int
        Numbers of each.
    """
    data = replace(data, validation=data.validation[slice(0, images)])
    rows: list[dict] = []
    with use_threads(1), executor(2) as pool:
        naive = Naive(module, model, data.validation)
        asked = cases(model.module.graph, masks)
        ways = [(k, n) for k in naive.layouts for n in BATCHES if n <= max(images, BATCHES[0])]
        tried = [(_spent(partial(_looped, asked[0], naive, way, SAMPLE))[1], way) for way in ways]
        for case in asked:
            problem = Problem(model, data, case.units, executor=pool)
            rows += _rows(case, naive, min(tried)[1], problem, note)
    return rows


def _rows(
    case: Case, naive: Naive, way: tuple[str, int], problem: Problem, note: Note
) -> list[dict]:
    """Measure one case: the naive loop with its layout and batch, and what is compared with it."""
    images, count = len(problem.data.validation), len(case.masks)
    rows: list[dict] = []

    def row(way: str, index: int, errors: int, spent: tuple[float, float]) -> None:
        first, best = (rows or [{}])[0], (index, errors)
        each = [seconds / count for seconds in spent]
        rows.append(
            {
                "masks": case.name,
                "way": way,
                "count": count,
                "images": images,
                "processor_seconds": each[0],
                "seconds": each[1],
                "ratio": first.get("processor_seconds", each[0]) / each[0],
                "ratio_of_seconds": first.get("seconds", each[1]) / each[1],
                "chosen": index,
                "errors": errors,
                "as_naive": best == (first.get("chosen", index), first.get("errors", errors)),
            }
        )
        note(f"{case.name}: {way}", len(rows), 4)

    counts, spent = _spent(partial(_looped, case, naive, way, count))
    layout, batch = way
    row(f"naive, batches of {batch}, {layout}", int(np.argmin(counts)), min(counts), spent)
    scores, spent = _spent(lambda: replace(problem, executor=None).scores(case.masks))
    row("all scores", int(np.argmin(scores)), min(scores), spent)
    rows[-1]["as_naive"] &= scores == counts
    (index, errors), spent = _spent(lambda: replace(problem, executor=None).best(case.masks))
    row("the best one", index, errors, spent)
    problem.scores(case.masks[: 2 * PIECE])  # both processes start, and get the model
    scores, spent = _spent(lambda: problem.scores(case.masks))
    row("all scores, two processes", int(np.argmin(scores)), min(scores), (spent[1], spent[1]))
    rows[-1]["as_naive"] &= scores == counts
    rows[-1]["processor_seconds"] = rows[-1]["ratio"] = None
    return rows


def _looped(case: Case, naive: Naive, way: tuple[str, int], count: int) -> list[int]:
    return [naive.errors(case.units, masks, *way) for masks in case.masks[:count]]


def _spent(work: Callable) -> tuple:
    """Do something: what it returns, and the seconds of this process's processor and of a clock."""
    processor, clock = time.process_time(), time.perf_counter()
    result = work()
    return result, (time.process_time() - processor, time.perf_counter() - clock)


def text(rows: Sequence[dict]) -> str:
    """Write the rows as a table."""
    head = ("masks", "way", "CPU ms", "ratio", "ms", "ratio", "best", "errors", "as naive")
    lines = []
    for row in rows:
        cells = [row["masks"], row["way"]]
        for seconds, ratio in (("processor_seconds", "ratio"), ("seconds", "ratio_of_seconds")):
            known = row[seconds] is not None
            cells += [f"{row[seconds] * 1e3:.1f}", f"{row[ratio]:.2f}"] if known else ["", ""]
        cells += [str(row["chosen"]), str(row["errors"]), "yes" if row["as_naive"] else "NO"]
        lines.append(cells)
    images, count = rows[0]["images"], rows[0]["count"]
    return f"{table(head, lines)}\n\neach of {count} masks, {images} pictures"


def complaints(rows: Sequence[dict]) -> list[str]:
    """Say which ways disagree with the naive loop."""
    return [
        f"{row['masks']}, {row['way']}: scores must be those of the naive loop"
        for row in rows
        if not row["as_naive"]
    ]
