from dataclasses import replace

import numpy as np
import pytest

from hw.layers import Conv
from hw.parts.output_queue import OutputQueue
from hw.plan import Fold
from tests.hw.beats import decode
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import Transfers, collector, crossed_stalls, run


def permuted(outputs: int, rng: np.random.Generator) -> Conv:
    """Every second output has the same mask, so that groups of two are not in order."""
    layer = conv(rng, channels=(2, outputs), bits=6, signed=True)
    mask = layer.survivors & (np.arange(outputs) % 2 == np.arange(2)[:, None]).T[..., None, None]
    return replace(layer, weight=layer.weight * mask, mask=mask)


@crossed_stalls
@pytest.mark.parametrize(
    ("outputs", "fold", "in_order"),
    [
        (4, Fold(2, 2), True),
        (5, Fold(3, 2), True),
        (3, Fold(1, 1), True),
        (1, Fold(2, 1), True),
        (5, Fold(4, 2), False),
        (6, Fold(3, 1, 3), False),
        (6, Fold(3, 2, 1, 2), True),
        (5, Fold(2, 3, 2, 2), True),
        (5, Fold(2, 1, 4, 3), False),
    ],
    ids=str,
)
def test_results_get_their_places(outputs, fold, in_order, i_stall, o_stall) -> None:
    """As many results enter as there are places, those that are on their way out included."""
    rng = np.random.default_rng(1)
    draw = conv(rng, channels=(2, outputs), bits=6, signed=True)
    layer = draw if in_order or fold.R > 1 else permuted(outputs, rng)
    plan = layer_plan(layer, (2, 3, 7), fold)
    streams = plan.schedule.streams
    order = [list(outputs) for outputs in zip(*streams, strict=True)]
    assert (order == sorted(order)) is in_order
    dut, out, rows = OutputQueue(plan), Transfers(), 4
    blocks = plan.columns.block
    values = rng.integers(-32, 32, (rows, blocks, outputs, fold.P))
    sent = values[:, :, order].reshape(-1, fold.E, fold.P)
    used, left = [0], []
    pause = i_stall(1)

    async def feed(ctx):
        async def tick():
            _, _, leaves = await ctx.tick().sample(dut.left)
            used[0] -= leaves
            left.append(leaves)

        await tick()  # the first channels are read from their memory
        for pixels in sent.tolist():
            while used[0] == plan.queue_depth or next(pause):
                await tick()
            used[0] += 1
            ctx.set(dut.valid, 1)
            for e, p in np.ndindex(fold.E, fold.P):
                ctx.set(dut.results[e][p], pixels[e][p])
            await tick()
            ctx.set(dut.valid, 0)
            ctx.set(dut.results[0][0], -1)
        for _ in range(2000):
            if not used[0]:
                break
            await tick()

    count = len(sent)
    run(dut, feed, collector(dut.o, count, o_stall(2), 20_000, out, extra=30))
    assert [decode(plan.link, word) for word in out.words] == [
        (
            column,
            [
                (channel % (outputs + 1), values[row, column, channel].tolist())
                for channel in together
            ],
        )
        for row in range(rows)
        for column in range(blocks)
        for together in order
    ]
    assert sum(left) == count
    assert used[0] == 0


def test_queue_holds_as_many_as_it_says() -> None:
    plan = layer_plan(conv(np.random.default_rng(1)), (3, 4, 4), Fold(1))
    dut, got = OutputQueue(plan), []

    async def bench(ctx):
        ctx.set(dut.valid, 1)
        for k in range(plan.queue_depth):
            ctx.set(dut.results[0][0], k)
            await ctx.tick()
        ctx.set(dut.valid, 0)
        ctx.set(dut.o.ready, 1)
        for _ in range(plan.queue_depth):
            _, _, valid, pixel = await ctx.tick().sample(
                dut.o.valid, dut.o.payload.maps[0].pixels[0]
            )
            got.append((valid, pixel))
        assert not ctx.get(dut.o.valid)

    run(dut, bench)
    assert got == [(1, k) for k in range(plan.queue_depth)]
