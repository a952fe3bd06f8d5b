"""Random networks, one of each kind side by side in one Verilator model."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from hw.cost import predict, predict_ends
from hw.fold import UnsupportedLayer
from hw.verilog import emit
from hw.weight_stream import weight_stream
from sim.runner import Design, Load, Result, Stalls, simulate
from tests.hw.drawn import KINDS, frames_of, seeded
from tests.hw.networks import Case, pictures
from tests.hw.retrained import chain, residual, retrained

FRAMES, MOST_MULTIPLIERS = 5, 12  # few, so that the model is soon built
NEVER = Stalls()
LOADABLE = {"chain": chain, "residual": residual}
BEFORE, BEHIND = 3, 4  # frames before a load, and behind it
STALLS = (NEVER, Stalls("random"), Stalls("none", "random"), Stalls("bursty", "bursty"))


def is_small(made: Case) -> bool:
    """Whether a network has few multipliers, and takes neither a few cycles nor many."""
    if max(fold.multipliers for fold in made.folding.values()) > MOST_MULTIPLIERS:
        return False
    try:
        return 30 <= predict(made.network, made.folding).interval <= 300
    except UnsupportedLayer:
        return False


def small(kind: str) -> Case:
    return next(filter(is_small, (seeded(kind, seed) for seed in count(1))))


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    return {f"top{index}": small(kind) for index, kind in enumerate(KINDS)}


@pytest.fixture(scope="module")
def results(cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory) -> list[Result]:
    folder: Path = tmp_path_factory.mktemp("random")
    designs = []
    for index, (name, made) in enumerate(cases.items()):
        x = frames_of(made.network, FRAMES, 1)
        inline = 0 if index % 2 else None  # every other design reads files of memories
        emit(made.network, made.folding, folder / name, top=name, inline_words=inline)
        designs.append(Design(name, folder / name, x, made.network.compute(x)))
    designs += [loaded(name, folder / name) for name in LOADABLE]
    return simulate(designs, folder / "build", stalls=STALLS)


def loaded(name: str, folder: Path) -> Design:
    """Design that other weights are given while frames go through it."""
    made = LOADABLE[name]()
    other = retrained(made.network)
    emit(made.network, made.folding, folder, top=name, inline_words=8, loadable=True)
    x = pictures(made.network, BEFORE + BEHIND)
    parts = made.network.compute(x[:BEFORE]), other.compute(x[BEFORE:])
    expected = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    words = weight_stream(other, made.network, made.folding)
    return Design(name, folder, x, expected, Load(BEFORE, words))


@pytest.mark.rtl
def test_results_are_exact_whoever_stalls(results: list[Result]) -> None:
    assert len(results) == len(STALLS) * len([*KINDS, *LOADABLE])
    assert [
        (r.name, r.stalls, r.first_mismatch, r.protocol_errors) for r in results if not r.ok
    ] == []


@pytest.mark.rtl
def test_cycles_are_those_predicted(results: list[Result], cases: dict[str, Case]) -> None:
    for result in results[: len(KINDS)]:
        assert result.stalls == NEVER
        made = cases[result.name]
        predicted = predict_ends(made.network, made.folding, FRAMES)
        ends = np.max([*predicted.values()], axis=0)
        assert (result.latency, list(result.intervals)) == (ends[0], np.diff(ends).tolist())


@pytest.mark.rtl
def test_a_load_changes_no_cycles_but_those_in_which_frames_wait(results: list[Result]) -> None:
    for result in results[len(KINDS) :][: len(LOADABLE)]:
        assert result.stalls == NEVER
        made = LOADABLE[result.name]()
        predicted = predict_ends(made.network, made.folding, BEFORE + BEHIND)
        ends = np.max([*predicted.values()], axis=0)
        before, (gap, *behind) = result.intervals[: BEFORE - 1], result.intervals[BEFORE - 1 :]
        assert (result.latency, list(before)) == (ends[0], np.diff(ends)[: BEFORE - 1].tolist())
        assert gap > len(weight_stream(made.network, made.network, made.folding))
        assert behind[-1] == np.diff(ends)[-1]
