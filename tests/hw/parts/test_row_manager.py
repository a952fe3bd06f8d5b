from itertools import islice

import numpy as np
import pytest

from hw.layers import MaxPool
from hw.parts.row_manager import RowManager
from hw.plan import Fold, LayerPlan
from tests.hw.networks import NO_PADDING, conv, layer_plan, windows
from tests.hw.streams import crossed_stalls, never, run


def plans() -> dict[str, LayerPlan]:
    rng = np.random.default_rng(1)
    linear = conv(rng, channels=(2, 2), kernel=(5, 4), padding=NO_PADDING)
    layers = {
        "3x3": conv(rng, channels=(2, 2)),
        "stride 2": conv(rng, channels=(2, 2), stride=(2, 2)),
        "dilated": conv(rng, channels=(2, 2), dilation=(2, 1)),
        "padded above": conv(rng, channels=(2, 2), padding=(2, 0, 1, 1)),
        "5x5": conv(rng, channels=(2, 2), kernel=(5, 5)),
        "1x1": conv(rng, channels=(2, 2), kernel=(1, 1)),
        "1x1, stride 2": conv(rng, channels=(2, 2), kernel=(1, 1), stride=(2, 2)),
        "pooling that leaves a row out": MaxPool("p", "x"),
        "stride beyond the kernel": MaxPool("p", "x", (1, 1), (3, 1)),
        "linear": linear,
    }
    return {name: layer_plan(layer, (2, 5, 4), Fold(1)) for name, layer in layers.items()}


@crossed_stalls
@pytest.mark.parametrize("name", plans())
def test_windows_slide_over_rows_that_are_there(name, i_stall, o_stall) -> None:
    plan = plans()[name]
    dut, ring, words = RowManager(plan.stores), plan.rows.ring, plan.stores[0].row_words
    arrivals, ends = i_stall(1), o_stall(2)
    expected = list(islice(windows(plan.rows), 4 * plan.rows.outputs))
    seen = []

    async def bench(ctx):
        there = released = age = 0
        for _ in range(10_000):
            arrive = there - released < ring and not next(arrivals)
            active = ctx.get(dut.valid)
            end = active and age >= plan.rows.stride and not next(ends)
            ctx.set(dut.row_done, arrive)
            ctx.set(dut.row_end, end)
            if active and age == 0:
                places = [(ctx.get(row.bases["0"]), ctx.get(row.inside)) for row in dut.active]
                want = expected[len(seen)]
                for (base, inside), row in zip(places, want, strict=True):
                    assert inside == (row is not None)
                    if row is not None:
                        assert released <= row < there, "a row must be there while it is read"
                        assert base == row % ring * words
                seen.append(places)
            age = 0 if end else age + bool(active)
            _, _, freed = await ctx.tick().sample(dut.release)
            there += arrive
            released += freed
            assert released <= there
            if len(seen) == len(expected):
                return
        raise AssertionError(f"{len(seen)} of {len(expected)} windows came")

    run(dut, bench)


@pytest.mark.parametrize("name", plans())
def test_next_window_follows_at_once_if_its_rows_are_there(name) -> None:
    """No bubble between rows, nor between pictures."""
    plan = plans()[name]
    dut, spare = RowManager(plan.stores), plan.rows.total + 2
    valid = []

    async def bench(ctx):
        arrived = released = 0
        for now in range(30 * spare):
            row_done = arrived - released < plan.rows.ring
            ctx.set(dut.row_done, row_done)
            end = now % spare == spare - 1 and now > 2 * spare
            ctx.set(dut.row_end, end)
            _, _, freed, active = await ctx.tick().sample(dut.release, dut.valid)
            arrived += row_done
            released += freed
            if now > 2 * spare:
                valid.append(active)

    run(dut, bench)
    assert all(valid)


def test_window_waits_for_its_last_row() -> None:
    plan, seen = plans()["3x3"], []
    dut, arrivals = RowManager(plan.stores), never()

    async def bench(ctx):
        for now in range(20):
            ctx.set(dut.row_done, now == 3 and not next(arrivals))  # one row of the two it needs
            _, _, valid = await ctx.tick().sample(dut.valid)
            seen.append(valid)

    run(dut, bench)
    assert not any(seen)
