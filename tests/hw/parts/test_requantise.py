import numpy as np
import pytest

from hw.arithmetic import requantise
from hw.layers import Conv
from hw.parts.requantise import Requantise
from hw.plan import Fold, LayerPlan
from tests.hw.networks import layer_plan
from tests.hw.streams import each_stall, never, run


def planned(multiplier, shift, bias, bits=8, signed=False, fold=(2, 1, 1)) -> LayerPlan:
    outputs = len(bias)
    scale: dict = {}
    if multiplier is not None:
        scale = {"multiplier": np.array(multiplier), "shift": np.array(shift)}
    weight = np.full((outputs, 3, 3, 3), 127)
    weight[:, 1] = -128
    layer = Conv("conv", "x", weight, np.array(bias), **scale, bits=bits, signed=signed)
    return layer_plan(layer, (3, 5, 5), Fold(*fold), bits=8)


def results(plan: LayerPlan, sums: np.ndarray, stalls) -> np.ndarray:
    """Send sums (N, P) and take results (N, P), as many at a time as there are streams."""
    dut, got, streams = Requantise(plan), [], plan.fold.E
    places = list(np.ndindex(streams, plan.fold.P))

    async def bench(ctx):
        async def tick():
            _, _, done, *values = await ctx.tick().sample(
                dut.done, *(dut.results[e][p] for e, p in places)
            )
            if done:
                got.extend(np.array(values).reshape(streams, -1).tolist())

        await tick()  # the first bias is read from its memory
        for rows in sums.reshape(-1, *(streams, plan.fold.P)).tolist():
            ctx.set(dut.valid, 0)
            while next(stalls):
                ctx.set(dut.sums[0][0], -1)
                await tick()
            for e, p in places:
                ctx.set(dut.sums[e][p], rows[e][p])
            ctx.set(dut.valid, 1)
            await tick()
        ctx.set(dut.valid, 0)
        for _ in range(plan.requantise_latency + 1):
            await tick()

    run(dut, bench)
    return np.array(got)


def order(plan: LayerPlan) -> list[int]:
    return [pick.output for pick in plan.schedule.picks]


def expected(plan: LayerPlan, sums: np.ndarray) -> np.ndarray:
    """What `hw.arithmetic` says of sums that come in the order of the plan's picks."""
    layer = plan.conv
    outputs = np.resize(order(plan), len(sums))
    acc = (sums + layer.bias[outputs][:, None])[..., None, None]  # (N, P, 1, 1)
    if layer.multiplier is None or layer.shift is None:
        return acc[..., 0, 0]
    low, high = plan.result.low, plan.result.high
    rows = [
        requantise(
            row[:, None].transpose(1, 0, 2, 3), np.array([m, m]), np.array([s, s]), low, high
        )
        for row, m, s in zip(acc, layer.multiplier[outputs], layer.shift[outputs], strict=True)
    ]
    return np.array(rows).reshape(len(sums), 2)


def interesting(plan: LayerPlan) -> np.ndarray:
    """Sums (N, 2): the least and the greatest, values around zero, ties and saturation."""
    layer, high = plan.conv, 255 * 18 * 127
    low = -255 * 9 * 128
    rng = np.random.default_rng(1)
    rows = []
    for turn in range(24):
        for o in order(plan):
            m = 1 if layer.multiplier is None else int(layer.multiplier[o]) or 1
            s = 8 if layer.shift is None else int(layer.shift[o])
            bounds = (plan.result.low, plan.result.high)
            ties = [((2 * k + 1) << (s - 1)) // m for k in (*bounds, -1, 0, 1, turn, -turn)]
            pool = [low, high, 0, -1, *(t + d for t in ties for d in (-1, 0, 1))]
            pool = [value - int(layer.bias[o]) for value in pool[2:]] + pool[:2]
            rows.append(rng.choice(np.clip(pool, low, high), 2))
    return np.array(rows)


CASES = {
    "varying": ([3, 200, 65535, 0, 1], [7, 9, 23, 5, 14], [5, -300, 70000, 9, -9]),
    "far shifts": ([65535, 1, 40000], [40, 1, 20], [1, 2, -3]),
    "powers of two": ([1, 1, 1], [9, 9, 9], [100, -100, 0]),
    "even powers of two": ([4, 8, 2], [10, 11, 9], [1, 2, 3]),
    "least shift": ([1, 1], [1, 1], [0, 5]),
    "zero": ([0, 0], [8, 8], [7, -7]),
    "raw": (None, None, [123456, -7, 0]),
}


@each_stall
@pytest.mark.parametrize(("multiplier", "shift", "bias"), CASES.values(), ids=CASES)
@pytest.mark.parametrize(("bits", "signed"), [(8, False), (5, True)])
@pytest.mark.parametrize("fold", [(2, 1, 1), (2, 2, 2)], ids=["in order", "permuted"])
def test_results_equal_the_reference(multiplier, shift, bias, bits, signed, fold, stall) -> None:
    plan = planned(multiplier, shift, bias, bits, signed, fold)
    sums = interesting(plan)
    got, want = results(plan, sums, stall(2)), expected(plan, sums)
    np.testing.assert_array_equal(got, want)


def test_ties_round_up_and_results_saturate() -> None:
    """By hand: four halves and a quarter either side, then both ends."""
    plan = planned([1], [2], [0], bits=4, signed=True)
    sums = np.array([[-6, -5], [-7, -2], [2, 1], [6, 5], [30, 29], [99, -99], [-34, -35]])
    want = [[-1, -1], [-2, 0], [1, 0], [2, 1], [7, 7], [7, -8], [-8, -8]]
    assert results(plan, sums, never()).tolist() == want
