import numpy as np
import pytest

from hw.arithmetic import signed_bits
from hw.layers import Conv, MaxPool
from hw.parts.lanes import Maximum, MultiplyAdd, sum_shape
from hw.plan import Fold
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import each_stall, never, run


def completed(plan, dut, lists, latency: int, stalls) -> list[list[int]]:
    """Walk lists of ``(pixels (N, P), blank (N,), weights (N, G))``; return sums in order.

    Every register is watched in every cycle: output `g` comes ``g // E`` cycles behind the first,
    and stays until the next sum where it is held, else is zero again.
    """
    lanes, group, abreast = plan.fold.P, plan.fold.G, plan.fold.E
    trace, ends = [], []
    holds = [dut.holds[g][p] for g in range(group) for p in range(lanes)]

    async def bench(ctx):
        async def tick():
            _, _, *values = await ctx.tick().sample(*holds)
            trace.append(np.array(values).reshape(group, lanes).tolist())

        for pixels, blank, weights in lists:
            for k in range(len(pixels)):
                while next(stalls):
                    ctx.set(dut.blank, 1)
                    ctx.set(dut.last, 0)
                    await tick()
                for p in range(lanes):
                    ctx.set(dut.pixels[p], int(pixels[k, p]))
                for g in range(group if plan.is_conv else 0):
                    ctx.set(dut.weights[g], int(weights[k, g]))
                ctx.set(dut.blank, bool(blank[k]))
                ctx.set(dut.last, k == len(pixels) - 1)
                await tick()
            ends.append(len(trace) - 1)
        ctx.set(dut.blank, 1)
        ctx.set(dut.last, 0)
        for _ in range(group + 6):
            await tick()

    run(dut, bench)
    for g in range(group):
        held = [0] * lanes
        starts = [end + latency + g // abreast for end in ends]
        for now in range(starts[0] - 1, len(trace)):
            if now in starts:
                held = trace[now][g]
            elif not plan.holds:
                held = [0] * lanes
            assert now < starts[0] or trace[now][g] == held
    return [trace[end + latency + g // abreast][g] for end in ends for g in range(group)]


def sums(plan, lists, stalls) -> list[list[int]]:
    return completed(plan, MultiplyAdd(plan), lists, 3, stalls)


@each_stall
@pytest.mark.parametrize(("lanes", "group"), [(1, 1), (3, 2), (2, 4)])
@pytest.mark.parametrize(("sequencers", "abreast"), [(1, 1), (2, 1), (1, 2), (2, 3)])
@pytest.mark.parametrize("signed", [False, True])
def test_sums_of_lists(lanes, group, sequencers, abreast, signed, stall) -> None:
    """Sums are there one a cycle, whatever the lists' lengths and the bubbles inside them."""
    rng = np.random.default_rng(1)
    layer = conv(rng, channels=(2, 4), weight_bits=5)
    fold = Fold(lanes, group, sequencers, abreast)
    plan = layer_plan(layer, (2, 4, 4), fold, bits=4, signed=signed)
    low, high = plan.source.low, plan.source.high
    lists = []
    for length in [group, group + 1, 12, group, 5 + group]:
        pixels = rng.integers(low, high, (length, lanes), endpoint=True)
        weights = rng.integers(-3, 4, (length, group))
        lists.append((pixels, rng.random(length) < 0.3, weights))
    expected = [
        ((pixels * ~blank[:, None]).T @ weights[:, g]).tolist()
        for pixels, blank, weights in lists
        for g in range(group)
    ]
    assert sums(plan, lists, stall(3)) == expected


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_reach_the_ends_of_their_width(signed, sign) -> None:
    """Every product at its worst, all of one sign: the sum is exact, and no bit is to spare."""
    weight = np.full((2, 4, 3, 3), -128 if sign < 0 or signed else 127)
    layer = Conv("conv", "x", weight, np.zeros(2, int))
    plan = layer_plan(layer, (4, 4, 4), Fold(2, 2), signed=signed)
    bound = plan.source.low if signed and sign > 0 else plan.source.high
    extreme = int(weight[0].sum()) * bound
    pixels = np.full((36, 2), bound)
    lists = [(pixels, np.zeros(36, bool), weight.reshape(2, 36).T)] * 2
    assert sums(plan, lists, never()) == [[extreme] * 2] * 4
    assert sum_shape(plan).width == signed_bits(*layer.accumulator(plan.source))
    assert sum_shape(plan).width == signed_bits(min(extreme, 0), max(extreme, 0))


def test_alternating_extremes_cancel_on_the_way() -> None:
    signs = np.where(np.arange(36) % 2, 127, -128).reshape(1, 4, 3, 3)
    layer = Conv("conv", "x", signs, np.zeros(1, int))
    plan = layer_plan(layer, (4, 4, 4), Fold(1))
    weights = signs.reshape(36, 1)
    lists = []
    for on in (signs.ravel() > 0, signs.ravel() < 0, np.ones(36, bool)):
        lists.append((np.where(on, 255, 0)[:, None], np.zeros(36, bool), weights))
    expected = [[int(pixels[:, 0] @ weights[:, 0])] for pixels, _, weights in lists]
    assert sums(plan, lists, never()) == expected
    assert expected == [[18 * 127 * 255], [-18 * 128 * 255], [-18 * 255]]


@each_stall
@pytest.mark.parametrize("sequencers", [1, 2])
@pytest.mark.parametrize("signed", [False, True])
def test_maxima_of_lists(signed, sequencers, stall) -> None:
    rng = np.random.default_rng(2)
    fold = Fold(2, 1, sequencers)
    plan = layer_plan(MaxPool("p", "x", (2, 3)), (2, 4, 6), fold, bits=4, signed=signed)
    low, high = plan.source.low, plan.source.high
    drawn = [rng.integers(low, high, (n, 2), endpoint=True) for n in (1, 6, 1, 1, 6, 3)]
    drawn += [np.full((2, 2), low), np.full((2, 2), high), np.full((2, 2), low)]
    lists = [(x, rng.random(len(x)) < 0.3, None) for x in drawn]
    got = completed(plan, Maximum(plan), lists, 2, stall(4))
    seen = [np.where(blank[:, None], low, x) for x, blank, _ in lists]
    assert got == [x.max(axis=0).tolist() for x in seen]
