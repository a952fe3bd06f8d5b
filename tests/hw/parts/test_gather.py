from dataclasses import replace

import numpy as np
import pytest

from hw.layers import Conv, MaxPool
from hw.parts.gather import Gather
from hw.plan import Fold, LayerPlan
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import each_stall, never, run

TURNS = 5


def holed(rng: np.random.Generator) -> Conv:
    """Outputs 1 and 4 have no tap."""
    layer = conv(rng, channels=(3, 6), density=0.6)
    mask = layer.survivors & ~np.isin(np.arange(6), (1, 4))[:, None, None, None]
    return replace(layer, weight=layer.weight * mask, mask=mask)


def plans() -> dict[str, LayerPlan]:
    rng = np.random.default_rng(1)
    dense, point = conv(rng, channels=(3, 4)), conv(rng, channels=(3, 4), kernel=(1, 1))
    layers = {
        "one": (dense, Fold(2, 1)),
        "group": (dense, Fold(2, 3)),
        "short lists": (point, Fold(1, 4)),
        "two": (dense, Fold(2, 1, 2)),
        "cut": (dense, Fold(2, 1, 3)),
        "cut twice": (conv(rng, channels=(3, 5), density=0.5), Fold(1, 1, 3)),
        "cut groups": (conv(rng, channels=(3, 6)), Fold(2, 2, 2)),
        "uneven": (conv(rng, channels=(3, 6), density=0.4), Fold(1, 2, 3)),
        "short lists of three": (conv(rng, channels=(3, 6), kernel=(1, 1)), Fold(1, 2, 3)),
        "holes": (holed(rng), Fold(2, 1)),
        "holes in a group, two": (holed(rng), Fold(1, 2, 2)),
        "no tap": (conv(rng, channels=(3, 4), density=0), Fold(1, 2, 2)),
        "maxima": (MaxPool("p", "x"), Fold(2)),
        "two abreast": (dense, Fold(2, 3, 1, 2)),
        "two streams of three": (conv(rng, channels=(3, 6), kernel=(1, 1)), Fold(1, 1, 3, 2)),
        "cut, two abreast": (conv(rng, channels=(3, 6)), Fold(2, 2, 2, 2)),
        "holes, three streams": (holed(rng), Fold(1, 2, 2, 3)),
        "maxima of three, two streams": (MaxPool("p", "x"), Fold(2, 1, 3, 2)),
        "maxima of two": (MaxPool("p", "x"), Fold(2, 1, 2)),
    }
    return {name: layer_plan(a, (3, 4, 5), fold, bits=4) for name, (a, fold) in layers.items()}


def test_plans_are_what_they_say() -> None:
    made = plans()
    splits = {name for name, plan in made.items() if plan.schedule.splits}
    uncut = {"one", "group", "short lists", "two", "two abreast", "two streams of three", "holes"}
    uncut |= {"short lists of three", "no tap", "maxima", "maxima of two"}
    assert made.keys() - splits <= uncut | {"maxima of three, two streams"}
    assert {p.sequencers for p in made["cut"].schedule.picks} >= {(0, 1), (1, 2)}
    empty = [p.output for p in made["holes"].schedule.picks if not p.sequencers]
    assert sorted(empty) == [1, 4]


def gathered(plan: LayerPlan, stalls):
    """Hold sums as the lanes do, with bubbles between entries.

    Returns the sums that left, those that should have (both (TURNS * outputs, P)), and the same of
    the cycles.
    """
    dut, walked, fold = Gather(plan), plan.schedule, plan.fold
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 16, (TURNS, *plan.extent, plan.channels, fold.P))
    holds = np.zeros((fold.R, fold.G, fold.P), int)
    due: dict[int, list] = {}  # cycle: sequencer, g, sum per lane
    got, cycles, waiting, leaves = [], [], 0, []

    async def cycle(ctx, now: int, ends: int) -> None:
        nonlocal waiting
        if not plan.holds:
            holds[:] = 0
        for r, g, total in due.pop(now, []):
            holds[r, g] = total
        for r, g, p in np.ndindex(holds.shape):
            ctx.set(dut.holds[r][g][p], int(holds[r, g, p]))
        ctx.set(dut.ends, ends)
        if waiting:
            leaves.append(now)
        waiting += ends - bool(waiting)
        _, _, valid, *values = await ctx.tick().sample(
            dut.valid, *(dut.sums[e][p] for e, p in np.ndindex(fold.E, fold.P))
        )
        if valid:
            got.append(np.array(values).reshape(fold.E, fold.P).tolist())
            cycles.append(now)

    async def bench(ctx):
        now, acc = 0, np.zeros((fold.R, fold.G, fold.P), int)
        for turn in range(TURNS):
            for e in range(len(walked)):
                while next(stalls):
                    await cycle(ctx, now, 0)
                    now += 1
                for r in np.flatnonzero(~walked.idle[e]).tolist():
                    tap = pixels[turn, walked.row[e, r], walked.column[e, r], walked.channel[e, r]]
                    if plan.is_conv:
                        acc[r] += walked.weight[e, r][:, None] * tap
                    else:
                        acc[r] = np.maximum(acc[r], tap)
                    if walked.last[e, r]:
                        for g in range(fold.G):
                            due.setdefault(now + 1 + g // fold.E, []).append(
                                (r, g, acc[r, g].copy())
                            )
                        acc[r] = 0
                await cycle(ctx, now, int(walked.ends[e]))
                now += 1
        for _ in range(plan.result.shape[0] + 8):
            await cycle(ctx, now, 0)
            now += 1

    run(dut, bench)
    sums = {}
    for taps in plan.lists:
        read = pixels[:, taps.row, taps.column, taps.channel]  # (TURNS, L, P)
        for g, output in enumerate(taps.outputs):
            if plan.is_conv:
                sums[output] = np.einsum("l,tlp->tp", taps.weight[:, g], read)
            else:
                sums[output] = read.max(axis=1)
    order = list(zip(*walked.streams, strict=True))
    nothing = np.zeros((TURNS, fold.P), int)
    expected = [
        [sums.get(output, nothing)[turn].tolist() for output in together]
        for turn in range(TURNS)
        for together in order
    ]
    stages = 1 + plan.holds + walked.splits
    return got, expected, cycles, [at + stages for at in leaves]


@each_stall
@pytest.mark.parametrize("name", plans())
def test_every_sum_leaves_whole_and_in_order(name, stall) -> None:
    got, expected, cycles, due = gathered(plans()[name], stall(3))
    assert got == expected
    assert cycles == due


@pytest.mark.parametrize("name", ["group", "two", "cut"])
def test_sums_of_a_group_leave_one_a_cycle(name) -> None:
    """Behind the entry that completes them; a later list does not delay them."""
    plan = plans()[name]
    _, _, cycles, due = gathered(plan, never())
    period = np.array(cycles).reshape(TURNS, len(plan.schedule.exits))
    assert (np.diff(period, axis=0) == len(plan.schedule)).all()
    assert cycles == due
