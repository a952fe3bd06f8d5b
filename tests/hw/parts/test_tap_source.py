import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.coding import by_kernel, by_offset, encode
from hw.layer_plan import LayerPlan
from hw.layers import MaxPool
from hw.parts.event_source import EventSource
from hw.parts.tap_source import tap_source
from hw.plan import Fold
from tests.hw.codings import coded, layer_plans
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import run

RNG = np.random.default_rng(1)
PASSES, PRIMED = 3, 3

PLANS = {
    "dense": layer_plan(conv(RNG, channels=(3, 2)), (3, 5, 6), Fold(2)),
    "cut": layer_plan(conv(RNG, channels=(3, 5), density=0.6), (3, 5, 6), Fold(3, 1, 3)),
    "one tap": layer_plan(conv(RNG, channels=(3, 1), kernel=(1, 1)), (3, 5, 6), Fold(6)),
    "1x1": layer_plan(
        conv(RNG, channels=(7, 5), kernel=(1, 1), density=0.5), (7, 5, 6), Fold(6, 1, 2)
    ),
    "pooling of two": layer_plan(MaxPool("p", "x"), (3, 5, 6), Fold(2, 1, 2)),
    "no taps": layer_plan(conv(RNG, channels=(3, 4), density=0), (3, 5, 6), Fold(3, 2)),
}


def taken(plan: LayerPlan, program, waits) -> np.ndarray:
    """Take some passes of taps, now and then waiting: (N, sequencers, 3) of row, offset, blank."""
    dut, found = tap_source(plan, program), []
    many = PASSES * len(plan.schedule)

    async def bench(ctx):
        for now in range(20 * many + 20):
            use = ctx.get(dut.valid) and not waits()
            assert ctx.get(dut.valid) or now < PRIMED
            ctx.set(dut.next, use)
            taps = [[ctx.get(tap[f]) for f in ("row", "offset", "blank")] for tap in dut.taps]
            if use:
                found.append(taps)
            if len(found) == many:
                return
            await ctx.tick()

    run(dut, bench)
    return np.array(found)


def check(plan: LayerPlan, coding, waits) -> None:
    whole = coded(plan, coding)
    made = whole.coding
    decoded = made.decode(len(plan.schedule))
    want = np.stack([decoded.row, decoded.offset, decoded.blank], axis=-1)
    for index, program in enumerate(made.programs):
        served = [r for r, (source, _) in enumerate(made.sources) if source == index]
        places = [made.sources[r][1] for r in served]
        found = taken(whole, program, waits)[:, places]
        np.testing.assert_array_equal(found, np.tile(want[:, served], (PASSES, 1, 1)))


@pytest.mark.parametrize("coding", [by_offset, by_kernel])
@pytest.mark.parametrize("often", [0.0, 0.5])
@pytest.mark.parametrize("name", PLANS)
def test_there_is_a_tap_in_every_cycle(name, often, coding) -> None:
    """The next one in the next cycle, or the same one as long as it is not used."""
    rng = np.random.default_rng(2)
    check(PLANS[name], coding, lambda: rng.random() < often)


@settings(derandomize=True, deadline=None, database=None, max_examples=40)
@given(plan=layer_plans(), seed=st.integers(0, 99))
def test_taps_of_any_layer(plan, seed) -> None:
    rng = np.random.default_rng(seed)
    check(plan, by_kernel, lambda: rng.random() < 0.3)


@settings(derandomize=True, deadline=None, database=None, max_examples=40)
@given(plan=layer_plans(), seed=st.integers(0, 99))
def test_events_of_any_layer(plan, seed) -> None:
    """Each entry's, as long as it is not used; from the second cycle on."""
    whole, rng = coded(plan, encode), np.random.default_rng(seed)
    dut, walked = EventSource(whole), whole.schedule
    found = []

    async def bench(ctx):
        await ctx.tick()
        while len(found) < PASSES * len(walked):
            use = rng.random() < 0.7
            ctx.set(dut.next, use)
            if use:
                found.append((ctx.get(dut.last), ctx.get(dut.ends)))
            await ctx.tick()

    run(dut, bench)
    last = [sum(int(bit) << r for r, bit in enumerate(bits)) for bits in walked.last]
    assert found == list(zip(last, walked.ends.tolist(), strict=True)) * PASSES
