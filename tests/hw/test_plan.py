import re

import numpy as np
import pytest

from hw.layers import Input, MaxPool
from hw.network import Network
from hw.plan import Fold, UnsupportedLayer, plan
from tests.hw.networks import conv, layer_plan

RNG = np.random.default_rng(1)
LAYERS = Input("x", (2, 5, 6)), conv(RNG, "a", "x", (2, 4)), MaxPool("p", "a", (2, 2))
NETWORK = Network("net", LAYERS)
FOLDING = {"x": Fold(2), "a": Fold(3, 2), "p": Fold(2)}


def test_each_layer_takes_the_columns_of_the_one_before() -> None:
    a, p = plan(NETWORK, FOLDING)
    assert (a.producer.lanes, a.producer.width) == (2, 6)
    assert p.producer == a.columns
    assert (a.multipliers, p.multipliers) == (6, 0)
    assert a.compute_cycles == 2 * 4 * 9 * 2 * 5 // 2
    assert a.write_cycles == 2 * 5 * sum(len(w) for w in a.writes)


def test_input_has_one_lane_unless_told() -> None:
    assert plan(NETWORK, {k: FOLDING[k] for k in "ap"})[0].producer.lanes == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"a": Fold(7)}, "layer 'a': P must be 1 to 6, not 7"),
        ({"a": Fold(0)}, "layer 'a': P must be 1 to 6, not 0"),
        ({"a": Fold(1, 5)}, "layer 'a': G must be 1 to 4, not 5"),
        ({"a": Fold(1, 0)}, "layer 'a': G must be 1 to 4, not 0"),
        ({"a": Fold(1, 1, 2)}, "layer 'a': R must be 1 to 1, not 2"),
        ({"p": Fold(1, 2)}, "layer 'p': G must be 1 to 1, not 2"),
        ({"x": Fold(7)}, "layer 'x': P must be 1 to 6, not 7"),
        ({"x": Fold(0)}, "layer 'x': P must be 1 to 6, not 0"),
    ],
)
def test_impossible_fold(changes, sentence) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        plan(NETWORK, FOLDING | changes)


def test_layer_without_a_fold() -> None:
    with pytest.raises(ValueError, match=r"^layer 'p' must have a fold$"):
        plan(NETWORK, {"x": Fold(1), "a": Fold(1)})


def test_what_is_no_chain_is_not_supported() -> None:
    fork = (*LAYERS[:2], conv(RNG, "b", "a", (4, 4)), conv(RNG, "c", "a", (4, 4)))
    folding = dict.fromkeys("xabc", Fold(1))
    with pytest.raises(UnsupportedLayer, match=r"^layer 'c' must be fed by 'b', .*, not 'a'$"):
        plan(Network("net", fork, ("b", "c")), folding)
    with pytest.raises(UnsupportedLayer, match=r"^the output must be 'b', the last layer$"):
        plan(Network("net", fork[:3], ("a", "b")), folding)
    with pytest.raises(UnsupportedLayer, match=r"^network 'net' must have a layer behind"):
        plan(Network("net", LAYERS[:1]), folding)


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
    bits = layer_plan(layer, (2, 8, 8), Fold(4, 2)).memory_bits
    # 5 rows of 4 words (2 columns and a halo of 2) of 2 channels, 4 pixels of 8 bits a word
    assert bits["row_buffer"] == 5 * 4 * 2 * 4 * 8
    assert bits["weights"] == 4 * 18 * 8
    assert bits["schedule"] == 2 * 18 * (2 + 3 + 1)
