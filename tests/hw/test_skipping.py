from collections import Counter, deque

import numpy as np
import pytest
from hypothesis import assume, given, settings

from hw.cost import predict
from hw.layer_plan import LayerPlan
from hw.layers import Input
from hw.network import Network
from hw.plan import Fold
from hw.skipping_program import SkippingProgram
from tests.hw.codings import layer_plans, skipped
from tests.hw.engines import behind_concat, check
from tests.hw.networks import conv, layer_plan, pictures
from tests.hw.pipeline import simulate
from tests.hw.streams import crossed_stalls

RNG = np.random.default_rng(1)
drawn = settings(derandomize=True, deadline=None, database=None, max_examples=200)


def outside(plan: LayerPlan, y: int) -> set[int]:
    """Rows of a window that lie outside the picture, from the definition of a convolution."""
    first = y * plan.layer.stride[0] - plan.layer.padding[0]
    return {k for k in range(plan.extent[0]) if not 0 <= first + k < plan.source.shape[1]}


def decoded(plan: LayerPlan, index: int, r: int):
    """Row, offset, blank and place of the weight of every entry of a sequencer's pass."""
    program, _ = plan.coding.sources[r]
    made = plan.coding.programs[program]
    assert isinstance(made, SkippingProgram)
    taps, weight = made.decode_class(index, len(plan.passes[index]))
    return taps.row[:, 0], taps.offset[:, 0], taps.blank[:, 0], weight[:, 0]


@drawn
@given(plan=layer_plans())
def test_every_tap_inside_meets_its_weight_and_no_other_is_walked(plan: LayerPlan) -> None:
    """In every row of the result, sum by sum."""
    made = skipped(plan)
    assume(made is not None)
    assert made is not None
    walk, walked = made.walk, made.schedule
    for y, index in enumerate(made.class_of):
        group = made.passes[index].group
        for r in range(walked.sequencers):
            row, offset, blank, weight = decoded(made, index, r)
            want = Counter(
                (int(walked.group[e, r]), int(walk.row[e, r]), int(walk.offset[e, r]), e)
                for e in np.flatnonzero(~walk.idle[:, r]).tolist()
                if walk.row[e, r] not in outside(made, y)
            )
            places = np.flatnonzero(group[:, r] >= 0)
            found = Counter()
            for e in np.flatnonzero(~blank).tolist():
                if walk.idle[weight[e], r]:
                    continue  # its weight is zero
                following = places[np.searchsorted(places, e)]
                found[int(group[following, r]), int(row[e]), int(offset[e]), int(weight[e])] += 1
            assert found == want


@drawn
@given(plan=layer_plans())
def test_sums_leave_in_their_order_and_in_time(plan: LayerPlan) -> None:
    """One exit a cycle, before its sequencer completes another: two pictures, row by row."""
    made = skipped(plan)
    assume(made is not None)
    assert made is not None
    group_of = {o: g for g, taps in enumerate(made.lists) for o in taps.outputs}
    waiting, held = deque(), {}
    turns = [index for index in made.class_of for _ in range(made.columns.block)] * 2
    for turn, index in enumerate(turns):
        exits, passed = iter(made.schedule.exits), made.passes[index]
        for e in range(len(passed)):
            if waiting:
                leaving, when = waiting.popleft()
                for pick in filter(None, leaving):
                    for r in pick.sequencers if pick.g == 0 else ():
                        assert held[r].pop(0) == (group_of[pick.output], when)
            for r in np.flatnonzero(passed.group[e] >= 0).tolist():
                assert not held.setdefault(r, []), "the one before has left"
                held[r].append((int(passed.group[e, r]), turn))
            waiting.extend((next(exits), turn) for _ in range(passed.ends[e]))
        assert next(exits, None) is None


PLANS = {
    "dense": layer_plan(conv(RNG, channels=(3, 4)), (3, 5, 6), Fold(3)),
    "cut": layer_plan(conv(RNG, channels=(3, 5), signed=True), (3, 4, 6), Fold(3, 1, 3)),
    "kernels": layer_plan(
        conv(RNG, channels=(5, 6), density=0.7, by_kernel=True), (5, 5, 6), Fold(3, 2, 2)
    ),
    "weights": layer_plan(conv(RNG, channels=(3, 4), density=0.6), (3, 5, 6), Fold(6, 1, 2)),
    "stride 2": layer_plan(conv(RNG, channels=(2, 3), stride=(2, 2)), (2, 6, 6), Fold(3, 1, 2)),
    "5x5, little left": layer_plan(
        conv(RNG, channels=(2, 4), kernel=(5, 5)), (2, 3, 6), Fold(3, 1, 3)
    ),
    "depthwise": layer_plan(conv(RNG, channels=(4, 4), groups=4), (4, 5, 5), Fold(5, 1, 2)),
    "two abreast": layer_plan(conv(RNG, channels=(2, 5)), (2, 4, 7), Fold(3, 4, 1, 2), 2),
    "cut, two abreast": layer_plan(
        conv(RNG, channels=(3, 6), density=0.8), (3, 4, 6), Fold(2, 2, 2, 2), 3
    ),
    "behind a concat of streams": behind_concat(
        layer_plan(conv(RNG, channels=(7, 3)), (7, 4, 6), Fold(3, 1, 2, 2)),
        ((0, -1), (2, 1)),
        ((0,),),
        ((2, 1), (-1, 0)),
    ),
}


def forced(name: str) -> LayerPlan:
    made = skipped(PLANS[name])
    assert made is not None
    return made


def test_sequencers_wait_for_each_other_in_some_plans() -> None:
    waits = {
        name
        for name in PLANS
        for program in forced(name).coding.programs
        if isinstance(program, SkippingProgram) and program.waits
    }
    assert waits
    assert waits != set(PLANS)


@crossed_stalls
@pytest.mark.parametrize("name", PLANS)
def test_beats_of_a_layer_are_its_exact_result(name, i_stall, o_stall) -> None:
    check(forced(name), i_stall, o_stall)


@settings(derandomize=True, deadline=None, database=None, max_examples=10)
@given(plan=layer_plans())
def test_any_layer_is_exact(plan: LayerPlan) -> None:
    made = skipped(plan)
    assume(made is not None and made.compute_cycles < 600)
    assert made is not None
    check(made, frames=2)


@pytest.mark.parametrize("fold", [Fold(4), Fold(4, 2), Fold(8, 1, 3)], ids=str)
def test_padding_of_an_8x8_map_costs_no_cycles(fold) -> None:
    """Two of eight rows have two rows of the kernel inside: 22 of 24."""
    layer = conv(RNG, "a", "x", (4, 6))
    network = Network("net", (Input("x", (4, 8, 8), bits=4), layer))
    folding = {"x": Fold(8), "a": fold}
    run = simulate(network, folding, pictures(network, 4))
    taps = 4 * 9 * 6 // (fold.G * fold.R) * (8 // fold.P)
    assert run.intervals == [taps * 8 * 22 // 24] * 3
    assert predict(network, folding).interval == run.intervals[0]


def test_rows_of_a_layer_without_padding_are_all_alike() -> None:
    plan = layer_plan(conv(RNG, padding=(0, 0, 0, 0)), (3, 8, 8), Fold(2))
    assert plan.skipping is None
    assert plan.class_of == (0,) * 6


def test_little_is_not_skipped_at_a_price() -> None:
    """On a map of 64 rows a fiftieth cannot be saved."""
    plan = layer_plan(conv(RNG), (3, 64, 4), Fold(2))
    assert skipped(plan) is not None
    assert plan.skipping is None
