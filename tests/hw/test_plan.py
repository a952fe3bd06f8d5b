import re

import numpy as np
import pytest

from hw.layer_plan import LayerPlan
from hw.layers import Add, Input, MaxPool
from hw.network import Network
from hw.plan import Fold, UnsupportedLayer, plan
from tests.hw.networks import NO_PADDING, conv, layer_plan

RNG = np.random.default_rng(1)
LAYERS = Input("x", (2, 5, 6)), conv(RNG, "a", "x", (2, 4)), MaxPool("p", "a", (2, 2))
NETWORK = Network("net", LAYERS)
FOLDING = {"x": Fold(2), "a": Fold(3, 2), "p": Fold(2)}


def test_each_layer_takes_the_columns_of_the_one_before() -> None:
    a, p = plan(NETWORK, FOLDING)
    assert isinstance(a, LayerPlan)
    assert isinstance(p, LayerPlan)
    (entering,), (between,) = a.links, p.links
    assert (entering.name, entering.columns.lanes, entering.columns.width) == ("x", 2, 6)
    assert between == a.link
    assert (a.multipliers, p.multipliers) == (6, 0)
    # the first and the last of five rows have two of three rows of the kernel inside
    assert a.compute_cycles == 2 * 4 * 9 * 2 // 2 * (3 * 3 + 2 * 2) // 3
    (store,) = a.stores
    assert store.write_cycles == 2 * 5 * sum(len(w) for w in store.writes)


def test_input_has_one_lane_unless_told() -> None:
    assert plan(NETWORK, {k: FOLDING[k] for k in "ap"})[0].links[0].columns.lanes == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"a": Fold(7)}, "layer 'a': P must be 1 to 6, not 7"),
        ({"a": Fold(0)}, "layer 'a': P must be 1 to 6, not 0"),
        ({"a": Fold(1, 5)}, "layer 'a': G must be 1 to 4, not 5"),
        ({"a": Fold(1, 0)}, "layer 'a': G must be 1 to 4, not 0"),
        ({"a": Fold(1, 1, 5)}, "layer 'a': R must be 1 to 4, not 5"),
        ({"a": Fold(1, 1, 0)}, "layer 'a': R must be 1 to 4, not 0"),
        ({"p": Fold(1, 1, 5)}, "layer 'p': R must be 1 to 4, not 5"),
        ({"a": Fold(1, 1, 1, 5)}, "layer 'a': E must be 1 to 4, not 5"),
        ({"a": Fold(1, 1, 1, 0)}, "layer 'a': E must be 1 to 4, not 0"),
        ({"p": Fold(1, 2)}, "layer 'p': G must be 1 to 1, not 2"),
        ({"x": Fold(7)}, "layer 'x': P must be 1 to 6, not 7"),
        ({"x": Fold(0)}, "layer 'x': P must be 1 to 6, not 0"),
    ],
)
def test_impossible_fold(changes, sentence) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        plan(NETWORK, FOLDING | changes)


def test_fold_of_no_layer() -> None:
    sentence = r"^every fold must be of a layer of network 'net', not of 'q'$"
    with pytest.raises(ValueError, match=sentence):
        plan(NETWORK, FOLDING | {"q": Fold(1)})


def test_layer_without_a_fold() -> None:
    with pytest.raises(ValueError, match=r"^layer 'p' must have a fold$"):
        plan(NETWORK, {"x": Fold(1), "a": Fold(1)})


def test_what_has_no_hardware_is_named() -> None:
    twice = (*LAYERS[:2], Add("d", ("a", "a"), (1, 1), 1))
    with pytest.raises(UnsupportedLayer, match=r"^layer 'd': 'a' must come by a longer way than"):
        plan(Network("net", twice), {"x": Fold(1), "a": Fold(1)})
    with pytest.raises(UnsupportedLayer, match=r"^network 'net' must have a layer behind"):
        plan(Network("net", LAYERS[:1]), {"x": Fold(1)})


def test_one_shift_serves_all_outputs() -> None:
    """Multiplier and shift of every output become multipliers of one shift, exactly."""
    layer = conv(RNG, channels=(2, 6))
    assert layer.multiplier is not None
    assert layer.shift is not None
    width, shift, multipliers = layer_plan(layer, (2, 4, 4), Fold(1)).requantiser
    for m, s, scaled in zip(layer.multiplier, layer.shift, multipliers, strict=True):
        assert int(m) << shift == scaled << int(s)
        assert scaled.bit_length() <= width


def test_power_of_two_scales_need_no_multiplier() -> None:
    for scaled, scales in ((True, True), (False, False)):
        p = layer_plan(conv(RNG, scaled=scaled), (3, 4, 4), Fold(1))
        assert p.scales is scales
    same = np.full(4, 4)
    layer = conv(RNG, raw=True)
    even = type(layer)(
        "c", "x", layer.weight, layer.bias, same, same, padding=layer.padding
    )  # times 4 by 2**4 is by 2**2
    assert layer_plan(even, (3, 4, 4), Fold(1)).requantiser == (0, 2, (1,) * 4)


def test_memories_by_hand() -> None:
    layer = conv(RNG, channels=(2, 4), density=1.0)
    bits = layer_plan(layer, (2, 64, 8), Fold(4, 2)).memory_bits  # too high to skip its padding
    # 5 rows of 4 words (2 columns and a halo of 2) of 2 channels, 4 pixels of 8 bits a word
    assert bits["row_buffer"] == 5 * 4 * 2 * 4 * 8
    assert bits["weights"] == 4 * 18 * 8
    # row, column and end of nine taps, for both channels and both lists, and nothing else
    assert bits["schedule"] == 9 * (2 + 2 + 1)
    assert bits["output_queue"] == 16 * 4 * 8  # pixels; places are counted
    assert (
        bits["drain"] == 0
    )  # outputs leave in their order, and where one sum is there is no other


def test_memories_of_three_sequencers_by_hand() -> None:
    layer = conv(RNG, channels=(2, 4), density=1.0)
    bits = layer_plan(layer, (2, 64, 8), Fold(4, 1, 3)).memory_bits  # too high to skip padding
    assert bits["weights"] == 4 * 18 * 8
    # two lists of 18 are cut: 24 entries, in which the sequencers' taps have bits in common; sums
    # are complete in four of them, of up to two outputs, always after as many entries
    assert bits["schedule"] < 24 * 3 * (2 + 3) + 4 * (3 + 2)
    assert bits["row_buffer"] == 3 * 5 * 4 * 2 * 4 * 8
    assert bits["drain"] == 4 * (3 + 3)  # which sequencers have summed an output, and which it is


def test_depthwise_channels_are_stored_once() -> None:
    layer = conv(RNG, channels=(4, 4), groups=4)
    one, two = (layer_plan(layer, (4, 8, 8), Fold(4, 1, r)) for r in (1, 2))
    assert two.copies == ((0, 1), (2, 3))
    assert two.memory_bits["row_buffer"] == one.memory_bits["row_buffer"] == 5 * 4 * 4 * 4 * 8


def test_only_rows_and_columns_that_are_read_are_stored() -> None:
    """1x1 with stride 2: half the rows, and of the columns those at the block's places."""
    layer = conv(RNG, channels=(2, 4), kernel=(1, 1), stride=(2, 2))
    p = layer_plan(layer, (2, 8, 8), Fold(2))
    assert p.rows.stored == (True, False) * 4
    assert p.stores[0].row_words == 2 * 2  # two columns on each lane, two channels
    assert p.rows.ring == 2 + 2


def test_pooling_is_never_cut() -> None:
    for sequencers in (2, 3, 4):
        p = layer_plan(MaxPool("p", "x"), (4, 6, 6), Fold(2, 1, sequencers))
        assert not p.schedule.splits
        assert len(p.schedule) == 4 * -(-4 // sequencers)
        assert p.multipliers == 0


def test_latency_is_that_of_the_parts_there_are() -> None:
    layer, shape = conv(RNG, channels=(2, 4)), (2, 8, 8)
    one = layer_plan(layer, shape, Fold(1)).latency
    assert layer_plan(layer, shape, Fold(1, 1, 2)).latency == one + 1  # emitted
    assert layer_plan(layer, shape, Fold(1, 1, 3)).latency == one + 2  # and joined


@pytest.mark.parametrize(
    ("fold", "in_order"), [(Fold(1), True), (Fold(1, 1, 2), False)], ids=["one", "two"]
)
def test_vector_of_several_sequencers_is_not_in_order(fold, in_order) -> None:
    layer = conv(RNG, channels=(2, 4), kernel=(3, 3), padding=NO_PADDING)
    p = layer_plan(layer, (2, 3, 3), fold)
    order = [pick.output for pick in p.schedule.picks]
    assert (order == sorted(order)) is p.in_order is in_order


@pytest.mark.parametrize("fold", [Fold(1), Fold(2, 4), Fold(1, 2, 2), Fold(1, 1, 4)], ids=str)
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3)])
def test_queue_has_room_for_all_that_is_on_its_way(fold, kernel) -> None:
    """The walk is never refused before a consumer that takes every output as it comes."""
    p = layer_plan(conv(RNG, channels=(2, 4), kernel=kernel), (2, 8, 8), fold)
    used, leaves = 0, []  # places taken or promised; cycles in which outputs leave
    for now, outputs in enumerate(p.schedule.ends.tolist() * 40):
        used -= leaves.count(now)
        assert used <= p.queue_depth - p.most_ends
        used += outputs
        for _ in range(outputs):
            leaves.append(max(now + p.latency, leaves[-1] + 1 if leaves else 0))
