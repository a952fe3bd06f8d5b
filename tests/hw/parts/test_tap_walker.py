import numpy as np
import pytest

from hw.layers import MaxPool
from hw.parts.tap_walker import TapWalker
from hw.plan import Fold, LayerPlan
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import crossed_stalls, run


def plans() -> dict[str, LayerPlan]:
    rng = np.random.default_rng(1)
    shape = (3, 5, 6)
    sparse = conv(rng, channels=(3, 4), density=0.3, stride=(2, 2))
    return {
        "dense": layer_plan(conv(rng, channels=(3, 2)), shape, Fold(2, 1)),
        "sparse, stride 2": layer_plan(sparse, shape, Fold(1, 3)),
        "short lists": layer_plan(conv(rng, channels=(3, 4), density=0), shape, Fold(3, 2)),
        "one tap": layer_plan(conv(rng, channels=(3, 1), kernel=(1, 1)), shape, Fold(6)),
        "pooling": layer_plan(MaxPool("p", "x"), shape, Fold(2)),
    }


def walk(plan: LayerPlan, rows: int, window_stalls, credit_stalls):
    """Walk some rows; return fired taps ``(address, entry, blank, last)`` and when, and row ends.

    Every other row of a window lies outside the picture. A window is valid until its row ends.
    """
    dut, extent = TapWalker(plan), plan.extent[0]
    bases = [(k * 2 % plan.rows.ring) * plan.row_words for k in range(extent)]
    entries = len(plan.schedule.last) * plan.columns.block * rows
    fired, row_ends = [], []

    async def bench(ctx):
        valid, owed = False, 0
        for k, base in enumerate(bases):
            ctx.set(dut.window[k].base, base)
            ctx.set(dut.window[k].inside, k % 2 == 0)
        for now in range(10_000):
            valid = len(row_ends) < rows and (valid or not next(window_stalls))
            give = owed > 0 and not next(credit_stalls)
            ctx.set(dut.window_valid, valid)
            ctx.set(dut.list_done, give)
            _, _, end, address, tap, blank, last = await ctx.tick().sample(
                dut.row_end, dut.address, dut.tap, dut.blank, dut.last
            )
            owed += last - give
            if end:
                valid = False
                row_ends.append(now)
            fired.append((now, address, tap, blank, last))
            if len(row_ends) == rows and now > row_ends[-1] + 3:
                return
        raise AssertionError(f"{len(row_ends)} of {rows} rows were walked")

    run(dut, bench)
    return bases, entries, fired, row_ends


def expected(plan: LayerPlan, bases: list[int], rows: int) -> list[tuple]:
    """Every tap, once per block of columns: ``(address, entry, blank, last)``."""
    taps, pitch = plan.schedule, plan.layer.stride[1] * plan.channels
    return [
        (
            bases[taps.row[k]] + taps.column[k] * plan.channels + taps.channel[k] + block * pitch,
            k,
            int(taps.row[k] % 2),
            int(taps.last[k]),
        )
        for _ in range(rows)
        for block in range(plan.columns.block)
        for k in range(len(taps.last))
    ]


@crossed_stalls
@pytest.mark.parametrize("name", plans())
def test_taps_inside_the_picture_are_fired_in_order(name, i_stall, o_stall) -> None:
    plan = plans()[name]
    bases, _, fired, row_ends = walk(plan, 3, i_stall(1), o_stall(2))
    want = expected(plan, bases, 3)
    seen = [(address, tap, blank, last) for _, address, tap, blank, last in fired if not blank]
    assert seen == [tap for tap in want if not tap[2]]
    assert sum(last for *_, last in fired) == sum(last for *_, last in want)
    assert len(row_ends) == 3


@pytest.mark.parametrize("name", plans())
def test_a_tap_is_fired_in_every_cycle_when_nothing_stalls(name) -> None:
    """Two cycles after its row begins; padding rows take their cycles and read blank."""
    plan = plans()[name]
    never = iter(lambda: False, True)
    bases, entries, fired, row_ends = walk(plan, 3, never, never)
    end = row_ends[-1] + 2  # the address follows the firing by two cycles
    window = fired[end - entries + 1 : end + 1]
    assert [tuple(tap[1:]) for tap in window] == expected(plan, bases, 3)
    assert np.diff(row_ends).tolist() == [entries // 3] * 2
    assert all(blank for _, _, _, blank, _ in fired[: end - entries + 1])


@pytest.mark.parametrize("name", plans())
def test_lists_stop_when_the_output_queue_is_full(name) -> None:
    plan = plans()[name]
    dut = TapWalker(plan)
    started = []

    async def bench(ctx):
        ctx.set(dut.window_valid, 1)
        for k in range(plan.extent[0]):
            ctx.set(dut.window[k].inside, 1)
        for _ in range(100 + 2 * plan.credits * max(plan.schedule.lengths)):
            _, _, last = await ctx.tick().sample(dut.last)
            started.append(last)

    run(dut, bench)
    assert sum(started) == plan.credits
    assert not any(started[-50:])


def test_nothing_is_read_right_after_reset() -> None:
    """Memories keep what they read before a reset, so it must not be taken for a tap."""
    dut = TapWalker(plans()["dense"])
    seen = []

    async def bench(ctx):
        for _ in range(4):
            seen.append(ctx.get(dut.blank))
            await ctx.tick()

    run(dut, bench)
    assert seen == [1] * 4
