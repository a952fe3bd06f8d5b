from itertools import cycle

import numpy as np
import pytest

from hw.coding import by_kernel, by_offset, encode
from hw.layers import MaxPool
from hw.parts.tap_walker import TapWalker
from hw.plan import Fold, LayerPlan
from tests.hw.codings import coded
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import crossed_stalls, run


def plans() -> dict[str, LayerPlan]:
    rng = np.random.default_rng(1)
    shape = (3, 5, 6)
    sparse = conv(rng, channels=(3, 4), density=0.3, stride=(2, 2))
    made = {
        "dense": layer_plan(conv(rng, channels=(3, 2)), shape, Fold(2, 1)),
        "sparse, stride 2": layer_plan(sparse, shape, Fold(1, 3)),
        "short lists": layer_plan(conv(rng, channels=(3, 4), density=0), shape, Fold(3, 2)),
        "one tap": layer_plan(conv(rng, channels=(3, 1), kernel=(1, 1)), shape, Fold(6)),
        "two": layer_plan(conv(rng, channels=(3, 4)), shape, Fold(2, 1, 2)),
        "three, sparse, stride 2": layer_plan(sparse, shape, Fold(2, 1, 3)),
        "cut": layer_plan(conv(rng, channels=(3, 5), density=0.6), shape, Fold(3, 2, 2)),
        "depthwise": layer_plan(conv(rng, channels=(3, 3), groups=3), shape, Fold(2, 1, 3)),
        "pooling of two": layer_plan(MaxPool("p", "x"), shape, Fold(2, 1, 2)),
        "pooling": layer_plan(MaxPool("p", "x"), shape, Fold(2)),
    }
    made = {name: coded(plan, encode) for name, plan in made.items()}  # in which nothing is skipped
    others = {
        name: coded(plan, by_offset if plan.coding.name == "kernel" else by_kernel)
        for name, plan in made.items()
    }
    return made | {f"{name}, {plan.coding.name}": plan for name, plan in others.items()}


PLANS = plans()


def walk(plan: LayerPlan, rows: int, window_stalls, queue_stalls):
    """Walk some rows; return, per cycle, ``(now, entry, addresses, blank, last, ends)``; row ends.

    Every other row of a window lies outside the picture. A window is valid until its row ends.
    Outputs leave the queue some time after they are complete.
    """
    dut, extent, copies = TapWalker(plan), plan.extent[0], plan.fold.R
    bases = [(k * 2 % plan.rows.ring) * plan.stores[0].row_words for k in range(extent)]
    fired, row_ends = [], []

    def bits(value: int) -> tuple[int, ...]:
        return tuple(value >> r & 1 for r in range(copies))

    async def bench(ctx):
        valid, queued = False, 0
        for k, base in enumerate(bases):
            ctx.set(dut.window[k].bases["0"], base)
            ctx.set(dut.window[k].inside, k % 2 == 0)
        for now in range(10_000):
            valid = len(row_ends) < rows and (valid or not next(window_stalls))
            leaves = queued > 0 and not next(queue_stalls)
            ctx.set(dut.window_valid, valid)
            ctx.set(dut.left, leaves)
            _, _, end, tap, blank, last, ends, *addresses = await ctx.tick().sample(
                dut.row_end, dut.tap, dut.blank, dut.last, dut.ends, *dut.address
            )
            queued += ends - leaves
            assert queued <= plan.queue_depth, "the queue must have room for what is complete"
            if end:
                valid = False
                row_ends.append(now)
            fired.append((now, tap[0], tuple(addresses), bits(blank), bits(last), ends))
            if len(row_ends) == rows and now > row_ends[-1] + 3:
                return
        raise AssertionError(f"{len(row_ends)} of {rows} rows were walked")

    run(dut, bench)
    return bases, fired, row_ends


def expected(plan: LayerPlan, bases: list[int], rows: int) -> list[tuple]:
    """Every entry, once per block of columns: ``(entry, addresses, blank, last, ends)``.

    An address is None where it is not read. An idle entry whose weight is zero may read anything.
    """
    walked, stride, copies = plan.schedule, plan.layer.stride[1], range(plan.fold.R)
    stored, pitch = plan.coding.decode(len(walked)), plan.stores[0].words_per_column

    def address(e: int, r: int, block: int) -> int | None:
        if blanks(e, r):
            return None
        if walked.idle[e, r]:
            return bases[stored.row[e, r]] + int(stored.offset[e, r]) + block * pitch
        word = plan.segments.word(walked.column[e, r] + block * stride)
        assert word is not None
        place = plan.copies[r].index(walked.channel[e, r])
        return bases[walked.row[e, r]] + word * pitch + place

    def blanks(e: int, r: int) -> int:
        if not walked.idle[e, r]:
            return int(walked.row[e, r] % 2)
        assert not walked.weight[e, r].any() or not plan.is_conv
        return int(not plan.is_conv or stored.row[e, r] % 2)

    return [
        (
            e,
            tuple(address(e, r, block) for r in copies),
            tuple(blanks(e, r) for r in copies),
            tuple(int(walked.last[e, r]) for r in copies),
            int(walked.ends[e]),
        )
        for _ in range(rows)
        for block in range(plan.columns.block)
        for e in range(len(walked))
    ]


def read(fired: list[tuple]) -> list[tuple]:
    """Drop the cycle of what is fired, and the addresses that are not read."""
    return [
        (
            tap,
            tuple(None if b else a for a, b in zip(addresses, blank, strict=True)),
            blank,
            last,
            ends,
        )
        for _, tap, addresses, blank, last, ends in fired
    ]


@crossed_stalls
@pytest.mark.parametrize("name", PLANS)
def test_taps_inside_the_picture_are_fired_in_order(name, i_stall, o_stall) -> None:
    plan = PLANS[name]
    bases, fired, row_ends = walk(plan, 3, i_stall(1), o_stall(2))
    want, none = expected(plan, bases, 3), (1,) * plan.fold.R
    seen = read(fired)
    assert [tap for tap in seen if tap[2] != none] == [tap for tap in want if tap[2] != none]
    # Bubbles complete nothing; blank entries complete what they should, in their order.
    quiet = ((0,) * plan.fold.R, 0)
    assert [tap[3:] for tap in seen if tap[3:] != quiet] == [
        tap[3:] for tap in want if tap[3:] != quiet
    ]
    assert len(row_ends) == 3


@pytest.mark.parametrize("name", PLANS)
def test_a_tap_is_fired_in_every_cycle_when_nothing_stalls(name) -> None:
    """Two cycles after its row begins; padding rows take their cycles and read blank."""
    plan = PLANS[name]
    never = iter(lambda: False, True)
    bases, fired, row_ends = walk(plan, 3, never, never)
    entries = len(plan.schedule) * plan.columns.block * 3
    end = row_ends[-1] + 2  # the address follows the firing by two cycles
    assert read(fired[end - entries + 1 : end + 1]) == expected(plan, bases, 3)
    assert np.diff(row_ends).tolist() == [entries // 3] * 2
    assert all(all(blank) for _, _, _, blank, *_ in fired[: end - entries + 1])


@pytest.mark.parametrize("name", PLANS)
def test_walk_stops_when_the_output_queue_could_overflow(name) -> None:
    """At the very entry: what is complete is what fits, whatever an entry completes at most."""
    plan = PLANS[name]
    dut = TapWalker(plan)
    completed = []

    async def bench(ctx):
        ctx.set(dut.window_valid, 1)
        for k in range(plan.extent[0]):
            ctx.set(dut.window[k].inside, 1)
        passes = plan.queue_depth // len(plan.schedule.picks) + 1
        for _ in range(100 + passes * len(plan.schedule)):
            _, _, ends = await ctx.tick().sample(dut.ends)
            completed.append(ends)

    run(dut, bench)
    total, most = 0, plan.queue_depth - plan.most_ends
    for ends in cycle(plan.schedule.ends.tolist()):
        if total > most:
            break
        total += ends
    assert sum(completed) == total <= plan.queue_depth
    assert not any(completed[-50:])


def test_nothing_is_read_right_after_reset() -> None:
    """Memories keep what they read before a reset, so it must not be taken for a tap."""
    dut = TapWalker(PLANS["dense"])
    seen = []

    async def bench(ctx):
        for _ in range(4):
            seen.append(ctx.get(dut.blank))
            await ctx.tick()

    run(dut, bench)
    assert seen == [1] * 4
