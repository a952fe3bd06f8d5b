"""Rows of the benchmark: a layer folded, generated, simulated with others and synthesised."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from hw.cells.named import named
from hw.cost import predict_interval
from hw.layer_plan import LayerPlan
from hw.plan import plan
from hw.timing import PORTABLE
from secateur.bench import engine, synthesis
from secateur.bench.cases import Case, pictures
from secateur.bench.folds import LEAST_UTILISATION, Choice, best_folding, fewest
from secateur.bench.memories import memories
from sim.runner import Design, Result, simulate

FRAMES = 4  # three intervals, of which the last two must agree
SIDE_BY_SIDE = 10  # designs in one Verilator model
_JOBS = 2

Note = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Generated:
    """A case as a design: its folding, its folder, and the seconds that both took."""

    case: Case
    choice: Choice
    folder: Path
    seconds: float

    @property
    def engine(self) -> Path:
        """Verilog of the layer alone, between the streams of beats by which layers are joined."""
        return self.folder / "engine.v"

    @property
    def plan(self) -> LayerPlan:
        """Plan of the layer."""
        return engine.planned(self.case.network, self.choice.folding, named(self.case.cells))


@dataclass(frozen=True)
class Simulated:
    """What a design did, and its share of the seconds that its model took to build and run."""

    result: Result
    seconds: float


def generate(case: Case, folder: Path) -> Generated:
    """Fold a case as well as its budget allows, and write its Verilog below a folder."""
    from hw.verilog import emit

    start = time.monotonic()
    net, path, cells = case.network, folder / case.name, named(case.cells)
    choice = best_folding(net, case.budget)
    if cells.stages != PORTABLE:
        plans = plan(net, choice.folding, stages=cells.stages)
        choice = replace(choice, cycles=predict_interval(net, choice.folding, plans))
    emit(net, choice.folding, path, top=case.name, cells=cells)
    made = Generated(case, choice, path, time.monotonic() - start)
    engine.emit(made.plan, cells, made.engine)
    return made


def generate_all(cases: Sequence[Case], folder: Path, note: Note) -> list[Generated]:
    """Generate cases, on as many cores as are used for all of it."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(_JOBS, len(cases)), context) as pool:
        found = []
        for made in pool.map(partial(generate, folder=folder), cases):
            found.append(made)
            note(made.case.name, len(found), len(cases))
    return found


def simulate_all(designs: Sequence[Generated], build: Path, note: Note) -> dict[Case, Simulated]:
    """Simulate designs, those that take about as long in one model."""
    found: dict[Case, Simulated] = {}
    waiting = sorted(designs, key=lambda made: (made.choice.cycles, made.case.name))
    for first in range(0, len(waiting), SIDE_BY_SIDE):
        together = waiting[first : first + SIDE_BY_SIDE]
        note(f"building {len(together)} designs", len(found), len(waiting))
        start = time.monotonic()
        results = simulate([_design(made) for made in together], build)
        seconds = (time.monotonic() - start) / len(together)
        for made, result in zip(together, results, strict=True):
            found[made.case] = Simulated(result, seconds)
    note("simulated", len(found), len(waiting))
    return found


def _design(made: Generated) -> Design:
    net = made.case.network
    frames = pictures(net, FRAMES)
    return Design(made.case.name, made.folder, frames, net.compute(frames))


def synthesise_all(
    designs: Sequence[Generated], cache: Path, note: Note, seeds: Sequence[int]
) -> dict[Case, dict[str, Any]]:
    """Count the cells of engines and place and route them with every seed."""
    found: dict[Case, dict[str, Any]] = {}

    def one(made: Generated) -> None:
        family = family_of(made.case.cells)
        found[made.case] = synthesis.figures(made.engine, engine.TOP, cache, family, seeds)
        note(made.case.name, len(found), len(designs))

    with ThreadPoolExecutor(_JOBS) as pool:
        list(pool.map(one, designs))
    return found


def family_of(cells: str) -> str:
    """Family of parts, of `reports.yosys.FLOWS`, for which a design is synthesised."""
    return named(cells).family


def row(
    made: Generated, simulated: Simulated, dense: Choice, figures: dict[str, Any]
) -> dict[str, Any]:
    """Describe a case as plain data.

    Parameters
    ----------
    made, simulated
        The case.
    dense : Choice
        The same layer at the same budget with nothing pruned.
    figures : dict
        Of `secateur.bench.synthesis`.
    """
    case, choice, built = made.case, made.choice, made.plan
    macs, work = case.network.macs, choice.cycles * built.multipliers
    dense_work = dense.cycles * dense.folding[case.layer].multipliers
    return {
        "layer": case.layer,
        "variant": case.variant,
        "budget": case.budget,
        "scales": case.scales,
        "made_of": case.cells,
        "fold": vars(built.fold),
        "multipliers": built.multipliers,
        "macs": macs,
        "cycles": {"predicted": choice.cycles, "simulated": simulated.result.interval},
        "mismatches": simulated.result.mismatches,
        "frames": simulated.result.frames,
        "input_bound": choice.input_bound,
        "utilisation": macs / work,
        "speedup": dense_work / work,
        "ideal_speedup": case.dense.network.macs / macs,
        "schedule_bits_per_tap": built.schedule_bits / built.taps,
        "memory_bits": _memory(built),
        "memories": memories(built, family_of(case.cells)),
        **figures,
        "seconds": {
            "generate": round(made.seconds, 2),
            "simulate": round(simulated.seconds, 2),
        },
        "missed": None if choice.good else _missed(case, choice),
    }


def _memory(built: LayerPlan) -> dict[str, int]:
    """Bits that are stored once, and those of further copies of the row buffer."""
    bits = built.memory_bits
    channels = len(set().union(*built.copies))
    once = bits["row_buffer"] * channels // sum(map(len, built.copies))
    return {
        "stored_once": sum(bits.values()) - bits["row_buffer"] + once,
        "copies": bits["row_buffer"] - once,
    }


def _missed(case: Case, choice: Choice) -> str:
    folds = f"no fold of {fewest(case.budget)} to {case.budget} multipliers"
    if choice.input_bound:
        return f"{folds} takes a picture as fast as it enters"
    return f"{folds} reaches utilisation {LEAST_UTILISATION}"


def complaints(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences about rows whose hardware is wrong, or slower or faster than predicted."""
    found = []
    for entry in rows:
        name = "{layer} {variant} at {budget}".format(**entry)
        predicted, simulated = entry["cycles"]["predicted"], entry["cycles"]["simulated"]
        if entry["mismatches"]:
            found.append(f"{name}: {entry['mismatches']} elements differ")
        if predicted != simulated:
            found.append(f"{name}: cycles must be {predicted} as predicted, not {simulated}")
    return found
