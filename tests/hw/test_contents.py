import numpy as np

from hw.contents import Contents, contents
from hw.layer_plan import LayerPlan
from hw.plan import AddPlan, Plan, plan
from tests.hw.retrained import chain, residual
from tests.hw.streams import unpack


def plans_of(made) -> dict[str, Plan]:
    found = plan(made.network, made.folding, loadable=True)
    return {layer.name: layer for layer in found}


def test_words_are_bytes_low_first() -> None:
    assert Contents(17, [0x1ABCD, 5]).encode() == bytes.fromhex("cdab01 050000")
    assert Contents(8, [1, 255]).encode() == b"\x01\xff"


def test_weights_come_entry_by_entry_then_constants_as_outputs_leave() -> None:
    layer = plans_of(chain())["a"]
    assert isinstance(layer, LayerPlan)
    *weights, constants = contents(layer)
    assert len(weights) == 2
    for r, memory in enumerate(weights):
        assert memory.bits == 16
        found = [unpack(word, 8, 2, signed=True) for word in memory.words]
        np.testing.assert_array_equal(found, layer.schedule.weight[:, r])
    (order,) = layer.schedule.streams
    conv, bits = layer.conv, layer.bias_bits
    assert conv.multiplier is not None
    assert conv.shift is not None
    _, shift, _ = layer.requantiser
    for word, output in zip(constants.words, order, strict=True):
        assert unpack(word, bits, 1, signed=True) == [conv.bias[output]]
        assert word >> bits == conv.multiplier[output] << (shift - conv.shift[output])
    assert constants.bits == bits + layer.requantiser[0]


def test_streams_lie_side_by_side_in_a_word() -> None:
    """Two outputs leave at a time, and of four bits of rounding the bias has its half."""
    layer = plans_of(chain())["s"]
    assert isinstance(layer, LayerPlan)
    assert layer.conv.shift is not None
    half, bits = 1 << (layer.conv.shift[0] - 1), layer.bias_bits
    found = [unpack(word, bits, 2, signed=True) for word in contents(layer)[-1].words]
    outputs = list(zip(*layer.schedule.streams, strict=True))
    expected = [[layer.conv.bias[o] + half if o >= 0 else 0 for o in pair] for pair in outputs]
    assert found == expected


def test_an_add_has_its_multipliers_in_the_order_in_which_its_branches_are_held() -> None:
    layer = plans_of(residual())["s"]
    assert isinstance(layer, AddPlan)
    (memory,) = contents(layer)
    bits, shift, _ = layer.scaling
    assert [link.name for link in layer.links] == ["b", "a"]
    assert unpack(memory.words[0], bits, 2) == [m << (shift - 6) for m in (40, 13)]


def test_what_has_no_weights_has_no_contents() -> None:
    assert contents(plans_of(chain())["p"]) == ()
    made = chain()
    assert [contents(layer) for layer in plan(made.network, made.folding)] == [()] * 5
