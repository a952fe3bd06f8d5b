"""Random networks, one of each kind side by side in one Verilator model.

Every other one of portable cells reads the contents of its memories from files, and can be loaded:
where frames are of some pixels, other weights come while they go through it.
"""

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
from hw.weight_stream import weight_stream
from sim.runner import Design, Load, Result, Stalls, simulate
from tests.hw.drawn import KINDS, frames_of, seeded
from tests.hw.networks import Case
from tests.hw.retrained import retrained

FRAMES, MOST_MULTIPLIERS = 5, 12  # few, so that the model is soon built
BEFORE, BEHIND = 2, 4  # frames before a load, and behind it
NEVER = Stalls()
LOADABLE = {f"portable{index}" for index in range(1, len(KINDS), 2)}
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


def is_loaded(name: str, made: Case) -> bool:
    _, height, width = made.network.input.shape
    return name in LOADABLE and height * width > 2


def loaded(name: str, made: Case, folder: Path) -> Design:
    """Design to which other weights come while frames go through it."""
    other, x = retrained(made.network), frames_of(made.network, BEFORE + BEHIND, 1)
    parts = made.network.compute(x[:BEFORE]), other.compute(x[BEFORE:])
    expected = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    words = weight_stream(other, made.network, made.folding)
    return Design(name, folder, x, expected, Load(BEFORE, words))


@pytest.fixture(scope="module")
def results(
    cases: dict[str, tuple[Case, Portable]], tmp_path_factory: pytest.TempPathFactory
) -> list[Result]:
    folder: Path = tmp_path_factory.mktemp("random")
    designs = []
    for name, (made, cells) in cases.items():
        options = {"loadable": True, "inline_words": 0} if name in LOADABLE else {}
        emit(made.network, made.folding, folder / name, top=name, cells=cells, **options)
        if is_loaded(name, made):
            designs.append(loaded(name, made, folder / name))
            continue
        x = frames_of(made.network, FRAMES, 1)
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
        if is_loaded(result.name, made):
            continue
        plans = plan(made.network, made.folding, stages=cells.stages)
        predicted = predict_ends(made.network, made.folding, FRAMES, plans)
        ends = np.max([*predicted.values()], axis=0)
        assert (result.latency, list(result.intervals)) == (ends[0], np.diff(ends).tolist())


@pytest.mark.rtl
def test_a_load_costs_cycles_only_between_frames(
    results: list[Result], cases: dict[str, tuple[Case, Portable]]
) -> None:
    for result in results[: len(cases)]:
        made, _ = cases[result.name]
        if not is_loaded(result.name, made):
            continue
        predicted = predict_ends(made.network, made.folding, BEFORE + BEHIND)
        ends, found = np.max([*predicted.values()], axis=0), result.intervals
        before = np.diff(ends)[: BEFORE - 1].tolist()
        assert (result.latency, list(found[: BEFORE - 1])) == (ends[0], before)
        assert found[BEFORE - 1] > len(weight_stream(made.network, made.network, made.folding))
        assert min(np.diff(ends)) <= found[-1] <= max(np.diff(ends))
