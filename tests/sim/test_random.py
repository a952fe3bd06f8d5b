"""Random networks, one of each kind side by side in one Verilator model."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from hw.cells.named import named
from hw.cells.portable import PORTABLE, Portable
from hw.cost import predict, predict_ends
from hw.fold import UnsupportedLayer
from hw.plan import plan
from hw.verilog import emit
from sim.runner import Design, Result, Stalls, simulate
from tests.hw.drawn import KINDS, frames_of, seeded
from tests.hw.networks import Case

FRAMES, MOST_MULTIPLIERS = 5, 12  # few, so that the model is soon built
NEVER = Stalls()
STALLS = (NEVER, Stalls("random"), Stalls("none", "random"), Stalls("bursty", "bursty"))


def is_small(made: Case) -> bool:
    """Whether a network has few multipliers, and takes neither a few cycles nor many."""
    if max(fold.multipliers for fold in made.folding.values()) > MOST_MULTIPLIERS:
        return False
    try:
        return 30 <= predict(made.network, made.folding).interval <= 300
    except UnsupportedLayer:
        return False


def small(kind: str, first: int) -> Case:
    return next(filter(is_small, (seeded(kind, seed) for seed in count(first))))


@pytest.fixture(scope="module")
def cases() -> dict[str, tuple[Case, Portable]]:
    """One network of each kind of portable cells, and another one of the ECP5's."""
    return {
        f"{cells.name}{index}": (small(kind, first), cells)
        for first, cells in ((1, PORTABLE), (100, named("ecp5")))
        for index, kind in enumerate(KINDS)
    }


@pytest.fixture(scope="module")
def results(
    cases: dict[str, tuple[Case, Portable]], tmp_path_factory: pytest.TempPathFactory
) -> list[Result]:
    folder: Path = tmp_path_factory.mktemp("random")
    designs = []
    for name, (made, cells) in cases.items():
        x = frames_of(made.network, FRAMES, 1)
        emit(made.network, made.folding, folder / name, top=name, cells=cells)
        designs.append(Design(name, folder / name, x, made.network.compute(x)))
    return simulate(designs, folder / "build", stalls=STALLS)


@pytest.mark.rtl
def test_results_are_exact_whoever_stalls(
    results: list[Result], cases: dict[str, tuple[Case, Portable]]
) -> None:
    assert len(results) == len(STALLS) * len(cases)
    assert [
        (r.name, r.stalls, r.first_mismatch, r.protocol_errors) for r in results if not r.ok
    ] == []


@pytest.mark.rtl
def test_cycles_are_those_predicted(
    results: list[Result], cases: dict[str, tuple[Case, Portable]]
) -> None:
    for result in results[: len(cases)]:
        assert result.stalls == NEVER
        made, cells = cases[result.name]
        plans = plan(made.network, made.folding, stages=cells.stages)
        predicted = predict_ends(made.network, made.folding, FRAMES, plans)
        ends = np.max([*predicted.values()], axis=0)
        assert (result.latency, list(result.intervals)) == (ends[0], np.diff(ends).tolist())
