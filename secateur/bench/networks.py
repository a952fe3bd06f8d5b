"""Rows of the benchmark of networks: ResNet-8, dense and with half its maps, as a whole."""

import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw.cost import Cost, predict
from hw.folding import fold_to_multipliers
from hw.network import Network
from secateur import table
from secateur.bench import resnet8
from secateur.complaints import unlike
from sim.records import Result
from sim.runner import Design, simulate

NAME = "resnet8"
VARIANTS = {"dense": "nothing pruned", "half": "half of the maps of every layer removed"}
BUDGETS = (210,)
FRAMES = 5  # four intervals
_DRAWN = 16  # pictures from which scales are taken if none are given

_HEAD = ("network", "budget", "mults", "MACs", "cycles", "mults x cycles", "util.", "latency")

Note = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Generated:
    """A network as a design, and the seconds that folding and generating took."""

    variant: str
    budget: int
    network: Network
    cost: Cost
    folder: Path
    seconds: float


def networks(
    weights: Path | None, pictures: np.ndarray | None, variants: Sequence[str]
) -> dict[str, Network]:
    """Make the networks, by variant.

    Parameters
    ----------
    weights : Path, optional
        Trained weights; drawn at random without.
    pictures : (N, 3, 32, 32) int, optional
        Of which the ranges of activations are taken; random pixels without.
    variants : sequence of str
        Of `VARIANTS`.
    """
    dense = resnet8.from_file(weights) if weights else resnet8.at_random()
    reals = {"dense": dense, "half": resnet8.half(dense)}
    shown = drawn(_DRAWN) if pictures is None else pictures
    return {name: resnet8.quantise(reals[name], shown, f"{NAME}_{name}") for name in variants}


def drawn(count: int, seed: int = 0) -> np.ndarray:
    """Draw pictures (N, 3, 32, 32) of any pixels."""
    return np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32))


def generate(network: Network, variant: str, budget: int, folder: Path) -> Generated:
    """Fold a network for the shortest interval on a budget, and write its Verilog."""
    from hw.verilog import emit

    start, name = time.monotonic(), f"{network.name}_{budget}"
    folding = fold_to_multipliers(network, budget)
    emit(network, folding, folder / name, top=name)
    cost, seconds = predict(network, folding), time.monotonic() - start
    return Generated(variant, budget, network, cost, folder / name, seconds)


def measure(
    made: Sequence[Generated], pictures: np.ndarray, build: Path, note: Note
) -> list[dict[str, Any]]:
    """Simulate designs, one after the other, and describe each as plain data."""
    rows = []
    for done, one in enumerate(made):
        note(one.folder.name, done, len(made))
        start = time.monotonic()
        expected = one.network.compute(pictures)
        design = Design(one.folder.name, one.folder, pictures, expected)
        (result,) = simulate([design], build)
        rows.append(_row(one, result, time.monotonic() - start))
    note("simulated", len(made), len(made))
    return rows


def _row(made: Generated, result: Result, seconds: float) -> dict[str, Any]:
    cost = made.cost
    return {
        "network": NAME,
        "variant": made.variant,
        "budget": made.budget,
        "folds": {one.name: list(astuple(one.fold)) for one in cost.layers},
        "multipliers": cost.multipliers,
        "macs": made.network.macs,
        "cycles": {"predicted": cost.interval, "simulated": result.interval},
        "latency": {"predicted": cost.latency, "simulated": result.latency},
        "product": cost.multipliers * cost.interval,
        "utilisation": cost.utilisation,
        "mismatches": result.mismatches,
        "frames": result.frames,
        "seconds": {"generate": round(made.seconds, 2), "simulate": round(seconds, 2)},
    }


def complaints(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences about rows whose hardware is wrong, or slower or faster than predicted."""
    found = []
    for row in rows:
        name = "{network} {variant} at {budget}".format(**row)
        if row["mismatches"]:
            found.append(f"{name}: {row['mismatches']} elements differ")
        for key in ("cycles", "latency"):
            predicted, simulated = row[key]["predicted"], row[key]["simulated"]
            if predicted != simulated:
                found.append(unlike(f"{name}: {key}", predicted, simulated))
    return found


def cells(row: dict[str, Any]) -> list[str]:
    """One row as text."""
    return [
        f"{row['network']} {row['variant']}",
        f"{row['budget']:,}",
        f"{row['multipliers']:,}",
        f"{row['macs']:,}",
        f"{row['cycles']['predicted']:,}",
        f"{row['product']:,}",
        f"{row['utilisation']:.3f}",
        f"{row['latency']['predicted']:,}",
    ]


def text(rows: Sequence[dict[str, Any]]) -> str:
    """All rows, for a person at a terminal."""
    return table.with_notes(_HEAD, [cells(row) for row in rows], [_note(rows)])


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """All rows and their folds, for a page."""
    notes = [_note(rows)]
    for row in rows:
        folds = ", ".join(f"{name} {' x '.join(map(str, f))}" for name, f in row["folds"].items())
        notes.append(f"P x G x R x E of {row['variant']}, {row['budget']}: {folds}.")
    return table.markdown(_HEAD, [cells(row) for row in rows], notes)


def _note(rows: Sequence[dict[str, Any]]) -> str:
    frames = min(row["frames"] for row in rows)
    wrong = sum(row["mismatches"] for row in rows)
    return (
        f"{len(rows)} networks, each simulated for {frames} frames: {wrong} mismatches, and every "
        "cycle as predicted."
    )
