import numpy as np
import pytest

from hw.parts.output_queue import OutputQueue
from hw.plan import Fold
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import Transfers, collector, crossed_stalls, run, unpack


@crossed_stalls
@pytest.mark.parametrize(
    ("outputs", "lanes", "group"), [(4, 2, 2), (5, 3, 2), (3, 1, 1), (5, 4, 4), (1, 2, 1)]
)
def test_results_get_their_places_and_lists_give_credits_back(
    outputs, lanes, group, i_stall, o_stall
) -> None:
    rng = np.random.default_rng(1)
    layer = conv(rng, channels=(2, outputs), bits=6, signed=True)
    plan = layer_plan(layer, (2, 3, 7), Fold(lanes, group))
    dut, out, rows = OutputQueue(plan), Transfers(), 4
    blocks, lists = plan.columns.block, len(plan.schedule.outputs)
    values = rng.integers(-32, 32, (rows, blocks, lists * group, lanes))
    sent = values.reshape(-1, lanes)
    credits, returned = [plan.credits], []
    pause = i_stall(1)

    async def feed(ctx):
        async def tick():
            _, _, done = await ctx.tick().sample(dut.list_done)
            credits[0] += done
            returned.append(done)

        for index, pixels in enumerate(sent.tolist()):
            if index % group == 0:
                while not credits[0] or next(pause):
                    await tick()
                credits[0] -= 1
            ctx.set(dut.valid, 1)
            for p, value in enumerate(pixels):
                ctx.set(dut.results[p], value)
            await tick()
            ctx.set(dut.valid, 0)
            ctx.set(dut.results[0], -1)
        for _ in range(2000):
            if sum(returned) == rows * blocks * lists:
                break
            await tick()

    count = rows * blocks * outputs
    run(dut, feed, collector(dut.o, count, o_stall(2), 20_000, out, extra=30))
    bits = dict(dut.o.payload.shape())
    got = []
    for word in out.words:
        place = [
            (word >> bits[k].offset) & ((1 << bits[k].width) - 1) for k in ("channel", "column")
        ]
        got.append((*place, unpack(word >> bits["pixels"].offset, 6, lanes, signed=True)))
    assert got == [
        (channel, column, values[row, column, channel].tolist())
        for row in range(rows)
        for column in range(blocks)
        for channel in range(outputs)
    ]
    assert sum(returned) == rows * blocks * lists
    assert credits[0] == plan.credits
