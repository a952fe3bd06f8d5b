from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hw.add import AddEngine
from hw.layers import Activation, Add
from hw.plan import AddPlan
from tests.hw.beats import from_beats, one_stream, to_beats
from tests.hw.streams import STALLS, Transfers, collector, driver, never, run

FRAMES = 3


def form(shape, bits=6, signed=False) -> Activation:
    return Activation(shape, bits, signed, 1.0, tuple(range(shape[0])))


def add_plan(
    passing: Activation, waits: Activation, lanes: tuple[int, int], rows: int = 2, **options
) -> AddPlan:
    """Plan an add of maps whose beats have some lanes, of which so many rows may wait."""
    layer = Add("s", ("a", "b"), **{"multipliers": (3, 5), "shift": 3, **options})
    links = one_stream(passing, lanes[0], "a"), one_stream(waits, lanes[1], "b")
    result = layer.output(passing, waits)
    return AddPlan(layer, links, layer.multipliers, result, rows)


def in_streams(plan: AddPlan, *streams: tuple[tuple[int, ...], ...]) -> AddPlan:
    """Let the maps come in other streams than one."""
    passing, waits = (
        replace(link, streams=own) for link, own in zip(plan.links, streams, strict=True)
    )
    return replace(plan, links=(passing, waits))


def formats(plan: AddPlan) -> tuple[Activation, Activation]:
    return plan.links[0].activation, plan.links[1].activation


PLANS = {
    "same lanes": add_plan(form((3, 4, 6)), form((3, 4, 6)), (3, 3)),
    "one lane to five": add_plan(form((2, 3, 7)), form((2, 3, 7)), (5, 1)),
    "four lanes to one": add_plan(form((2, 3, 7)), form((2, 3, 7)), (1, 4), rows=1),
    "two lanes to three, signed": add_plan(
        form((2, 3, 8), 6, True), form((2, 3, 8), 4, True), (3, 2), signed=True, bits=5
    ),
    "signed to unsigned": add_plan(form((2, 3, 4), 5, True), form((2, 3, 4), 6), (2, 2), bits=4),
    "option A": add_plan(
        form((5, 3, 3)), form((2, 5, 6)), (2, 4), stride=(2, 2), channels=(-1, 0, 1, -1, -1)
    ),
    "channels left out and in another order": add_plan(
        form((3, 2, 3), 6, True),
        form((4, 2, 7), 6, True),
        (2, 3),
        stride=(1, 3),
        channels=(3, 0, 3),
    ),
    "first channels": add_plan(form((2, 3, 4)), form((4, 3, 4)), (2, 2)),
    "nothing to add": add_plan(form((2, 3, 4)), form((1, 3, 4)), (2, 2), channels=(-1, -1)),
    "nothing of the one that passes": add_plan(
        form((2, 3, 4)), form((2, 3, 4)), (4, 2), multipliers=(0, 9)
    ),
    "two streams pass, three wait": in_streams(
        add_plan(form((5, 3, 4)), form((4, 3, 4)), (2, 4), channels=(3, -1, 0, 1, 2)),
        ((0, 4, 1), (3, 2, -1)),
        ((3,), (1,), (2,), (0,)),
    ),
    "one stream passes, two wait": in_streams(
        add_plan(form((3, 3, 4)), form((3, 3, 4)), (2, 1)), ((2, 0, 1),), ((0, 1), (-1, 2))
    ),
    "one pixel": add_plan(form((4, 1, 1)), form((4, 1, 1)), (1, 1), multipliers=(1, 1), shift=1),
}


def add(plan: AddPlan, a: np.ndarray, b: np.ndarray, stalls=(never,) * 3) -> np.ndarray:
    """Add maps (N, C, H, W) in hardware; stalls of the passing, the waiting and the sums."""
    dut, out, limit = AddEngine(plan), Transfers(), 20_000
    count = len(a) * plan.result.shape[1] * plan.link.row_beats
    first, second = to_beats(a, plan.links[0]), to_beats(b, plan.links[1])
    run(
        dut,
        driver(dut.i_0, first, stalls[0](1), limit),
        driver(dut.i_1, second, stalls[1](2), limit),
        collector(dut.o, count, stalls[2](3), limit, out, extra=20),
    )
    return from_beats(out.words, plan.link)


def maps(plan: AddPlan) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    a, b = (
        rng.integers(form.low, form.high, (FRAMES, *form.shape), endpoint=True)
        for form in formats(plan)
    )
    return a, b


# Each pair of stalls on each pair of sides.
CROSSED = [
    (p, w, list(STALLS)[(i + j) % 3]) for (i, p), (j, w) in product(enumerate(STALLS), repeat=2)
]


@pytest.mark.parametrize("stalls", CROSSED, ids=["-".join(stalls) for stalls in CROSSED])
@pytest.mark.parametrize("name", PLANS)
def test_sums_are_exact_whoever_stalls(name, stalls) -> None:
    plan = PLANS[name]
    a, b = maps(plan)
    got = add(plan, a, b, tuple(STALLS[stall] for stall in stalls))
    np.testing.assert_array_equal(got, plan.layer.compute(a, b, formats(plan)))


@pytest.mark.parametrize(
    ("signed", "a", "b", "expected"),
    [
        (True, [0, 1, 2, -1, -2, -3], [1, 2, 3, 0, -1, 0], [1, 2, 3, 0, -1, -1]),
        (True, [7, 7, -8, -8], [7, 5, -8, -6], [3, 3, -4, -4]),
        (False, [7, -8, 5, -1], [7, -8, 2, 0], [7, 0, 4, 0]),
    ],
    ids=["ties go up", "saturates both ends", "unsigned"],
)
def test_halves_by_hand(signed, a, b, expected) -> None:
    source = form((1, 1, len(a)), 4, True)
    options = {"multipliers": (1, 1), "shift": 1, "bits": 3, "signed": signed}
    plan = add_plan(source, source, (2, 1), **options)
    first, second = (np.array(values).reshape(1, 1, 1, -1) for values in (a, b))
    assert add(plan, first, second).ravel().tolist() == expected


def test_largest_multipliers_lose_no_bit() -> None:
    a, b = form((1, 1, 4), 16, True), form((1, 1, 4), 16)
    plan = add_plan(a, b, (2, 2), multipliers=(65535, 65535), shift=16, bits=16, signed=True)
    first = np.array([-32768, -32768, 32767, 32767]).reshape(1, 1, 1, 4)
    second = np.array([0, 65534, 0, 65535]).reshape(1, 1, 1, 4)
    expected = [-32767, 32766, 32767, 32767]
    np.testing.assert_array_equal(
        plan.layer.compute(first, second, formats(plan)).ravel(), expected
    )
    assert add(plan, first, second).ravel().tolist() == expected


def test_a_beat_a_cycle_once_its_row_waits() -> None:
    """The branch that passes by is never held up when the other one is in time."""
    plan = PLANS["same lanes"]
    a, b = maps(plan)
    dut, out = AddEngine(plan), Transfers()
    words = to_beats(a, plan.links[0])
    run(
        dut,
        driver(dut.i_0, words, never(), 5000),
        driver(dut.i_1, to_beats(b, plan.links[1]), never(), 5000),
        collector(dut.o, len(words), never(), 5000, out),
    )
    steady = np.diff(out.cycles)
    assert steady.max() <= 2
    assert steady.mean() < 1.4


def test_memory_is_what_waits() -> None:
    """Three channels of six columns in rows for two that wait and two under way."""
    plan = PLANS["same lanes"]
    assert plan.store.rows.ring == 2 + 2
    assert plan.memory_bits["row_buffer"] == 4 * 3 * 6 * 6
    shortcut = PLANS["option A"]  # of five rows three, of six columns three, on two lanes four
    assert sum(shortcut.store.rows.stored) == 3
    assert shortcut.memory_bits["row_buffer"] == 4 * 2 * 4 * 6
    assert shortcut.store.copies == ((0, 1),)
