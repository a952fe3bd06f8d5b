"""Random networks, one of each kind side by side in one Verilator model."""

from itertools import count
from pathlib import Path

import numpy as np
import pytest

from hw.cost import predict, predict_ends
from hw.fold import UnsupportedLayer
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
    return simulate(designs, folder / "build", stalls=STALLS)


@pytest.mark.rtl
def test_results_are_exact_whoever_stalls(results: list[Result]) -> None:
    assert len(results) == len(STALLS) * len(KINDS)
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
