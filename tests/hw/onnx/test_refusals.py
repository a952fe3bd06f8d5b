"""Operators that cannot be imported are refused, and named."""

from collections.abc import Callable

import numpy as np
import pytest

from hw.onnx.importer import import_onnx
from tests.hw.onnx.beginnings import start, weights
from tests.hw.onnx.graphs import QONNX, GraphMaker


def unknown_operator() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("HardSwish", x, name="swish")


def integer_operator() -> tuple[GraphMaker, str]:
    g, x = start()
    q = (g.fixed(0.1), g.fixed(np.array(0, np.uint8)))
    return g, g.node("QLinearConv", x, *q, x, *q, *q, name="q")


def bipolar() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("BipolarQuant", x, g.fixed(0.1), name="two", domain=QONNX)


def picture_not_quantised() -> tuple[GraphMaker, str]:
    g = GraphMaker(3, 6, 6)
    return g, g.node("Conv", "x", weights(g), name="c")


def result_not_quantised() -> tuple[GraphMaker, str]:
    g, x = start()
    y = g.node("Conv", x, weights(g), name="first")
    return g, g.node("Conv", y, weights(g, 2, 4, 3, 3), name="second")


def weights_not_quantised() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Conv", x, g.fixed(np.ones((4, 3, 3, 3))), name="c")


def weights_that_are_computed() -> tuple[GraphMaker, str]:
    g, x = start(3, 3, 3)
    return g, g.node("Conv", x, x, name="c")


def weights_of_nine_bits() -> tuple[GraphMaker, str]:
    g, x = start()
    codes = np.array([0, 255] * 54, np.uint8).reshape(4, 3, 3, 3)
    y = g.node("Conv", x, g.weights(codes, 0.01, np.array(3, np.uint8)), name="c")
    return g, g.rounded(y, 0.1)


def scales_of_the_wrong_axis() -> tuple[GraphMaker, str]:
    g, x = start()
    codes, steps = g.fixed(np.ones((4, 3, 3, 3), np.int8)), g.fixed(np.array([0.1, 0.2, 0.3]))
    return g, g.node("Conv", x, g.node("DequantizeLinear", codes, steps, axis=1), name="c")


def scales_of_a_map() -> tuple[GraphMaker, str]:
    g, x = start()
    steps, zeros = g.fixed(np.array([0.1, 0.2, 0.3])), g.fixed(np.zeros(3, np.uint8))
    codes = g.node("QuantizeLinear", x, steps, zeros, name="q", axis=1)
    return g, g.node("DequantizeLinear", codes, steps, zeros)


def scale_of_zero() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.rounded(x, 0.0, name="q")


def other_scale_behind() -> tuple[GraphMaker, str]:
    g, zero = GraphMaker(3, 6, 6), np.array(0, np.uint8)
    codes = g.node("QuantizeLinear", "x", g.fixed(0.1), g.fixed(zero))
    return g, g.node("DequantizeLinear", codes, g.fixed(0.2), g.fixed(zero), name="d")


def codes_of_32_bits() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.rounded(x, 0.1, 0, "int32", name="q")


def zero_point_of_16_bits() -> tuple[GraphMaker, str]:
    g, x = start()
    y = g.node("Conv", x, weights(g), name="c")
    return g, g.rounded(y, 0.0001, 30, "int16")


def two_quantisers_of_the_picture() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Add", x, g.rounded("x", 0.03), name="both")


def mean_that_does_not_count_padding() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("AveragePool", x, name="p", kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def mean_of_channels() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("ReduceMean", x, g.fixed(np.array([1])), name="m")


def kernel_too_large() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Conv", x, weights(g, 2, 3, 7, 7), name="c")


def channels_that_do_not_match() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Conv", x, weights(g, 2, 4, 3, 3), name="c")


def numbers_that_do_not_match() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Gemm", g.node("Flatten", x), weights(g, 100, 10), name="fc")


def map_that_is_not_flat() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("MatMul", x, weights(g, 6, 4), name="fc")


def transposed_map() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Transpose", x, name="t", perm=[0, 2, 3, 1])


def reshaped_map() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Reshape", x, g.fixed(np.array([0, 6, 18])), name="r")


def concat_of_rows() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Concat", x, x, name="cat", axis=2)


def concat_of_sums() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Concat", x, g.node("Conv", x, weights(g), name="c"), name="cat", axis=1)


def add_of_shapes() -> tuple[GraphMaker, str]:
    g, x = start()
    y = g.rounded(g.node("Conv", x, weights(g)), 0.1)
    return g, g.node("Add", x, y, name="add")


def add_as_output() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Add", x, x, name="add")


def affine_behind_a_relu() -> tuple[GraphMaker, str]:
    g, x = start()
    y = g.node("Relu", g.node("Conv", x, weights(g)))
    return g, g.node("Mul", y, g.fixed(2.0), name="twice")


def product_of_maps() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Mul", x, x, name="square")


def factor_for_each_pixel() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.node("Mul", x, g.fixed(np.ones((6, 6))), name="mask")


def padding_with_ones() -> tuple[GraphMaker, str]:
    g, x = start()
    pads = g.fixed(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    return g, g.node("Pad", x, pads, g.fixed(1.0), name="pad")


def padding_in_front_of_maxima() -> tuple[GraphMaker, str]:
    g = GraphMaker(3, 6, 6)
    pads = g.fixed(np.array([0, 0, 1, 1, 0, 0, 1, 1]))
    x = g.node("Pad", g.rounded("x", 0.02, 0, "int8"), pads)
    return g, g.node("MaxPool", x, name="p", kernel_shape=[2, 2])


def padding_that_is_left() -> tuple[GraphMaker, str]:
    g, x = start()
    x = g.node("Pad", x, g.fixed(np.array([0, 0, 1, 1, 0, 0, 1, 1])))
    return g, g.node("Add", x, x, name="add")


def quant_of_two_widths() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.quant(x, 0.1, np.array([[[[4.0]], [[5.0]], [[6.0]]]]))


def quant_that_drops() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.quant(x, 0.1, 4, rounding_mode="FLOOR")


def quant_of_one_bit() -> tuple[GraphMaker, str]:
    g, x = start()
    return g, g.quant(g.node("Relu", g.node("Conv", x, weights(g))), 0.1, 17)


REFUSED: dict[Callable, str] = {
    unknown_operator: "node 'swish' (HardSwish) is not supported; Add, ",
    integer_operator: "node 'q' (QLinearConv) is not supported; ",
    bipolar: "node 'two' (BipolarQuant) is not supported; ",
    picture_not_quantised: "node 'c' (Conv) must take a quantised input, but 'x' is not",
    result_not_quantised: "node 'second' (Conv) must take a quantised map, but the result of "
    "'first' is not",
    weights_not_quantised: "node 'c' (Conv) must have fixed, quantised weights",
    weights_that_are_computed: "node 'c' (Conv) must have fixed, quantised weights",
    weights_of_nine_bits: "layer 'c': weight_bits must be 2 to 8, not 9",
    scales_of_the_wrong_axis: "node 'c' (Conv) must have one scale of weights for each output",
    scales_of_a_map: "node 'q' (QuantizeLinear) must have one scale for a whole map, not 3",
    scale_of_zero: "node 'q' (QuantizeLinear) must have positive scales, not 0",
    other_scale_behind: "node 'd' (DequantizeLinear) must have scale and zero point of the "
    "QuantizeLinear before",
    codes_of_32_bits: "node 'q' (QuantizeLinear) must have codes of 16 bits at most, not 32",
    zero_point_of_16_bits: "numbers from -32798 to 32737 must fit 16 bits",
    two_quantisers_of_the_picture: "input 'x' must be quantised once, not in several ways",
    mean_that_does_not_count_padding: "node 'p' (AveragePool) must count its padding "
    "(count_include_pad = 1), or have none",
    mean_of_channels: "node 'm' (ReduceMean) must average rows and columns, not axes (1,)",
    kernel_too_large: "node 'c' (Conv) must have a kernel that fits (6, 6), not (7, 7)",
    channels_that_do_not_match: "node 'c' (Conv) must have 4 input channels in each of 1 groups, "
    "not 3 in all",
    numbers_that_do_not_match: "node 'fc' (Gemm) must take 100 numbers, not 108",
    map_that_is_not_flat: "node 'fc' (MatMul) must take a vector (N, C), not a map",
    transposed_map: "node 't' (Transpose) must take fixed numbers; maps must stay (N, C, H, W)",
    reshaped_map: "node 'r' (Reshape) must flatten (3, 6, 6), or keep it, not make it (6, 18)",
    concat_of_rows: "node 'cat' (Concat) must join channels, axis 1, not 2",
    concat_of_sums: "node 'cat' (Concat) must take a quantised map, but the result of 'c' is not",
    add_of_shapes: "node 'add' (Add) must add maps of one shape, not (3, 6, 6) and (4, 4, 4)",
    add_as_output: "result of node 'add' must be quantised, as an output",
    affine_behind_a_relu: "node 'twice' (Mul) must follow a convolution at once",
    product_of_maps: "node 'square' (Mul) must take a map and a fixed number",
    factor_for_each_pixel: "node 'mask' (Mul) must have one fixed number, or one for each of 3",
    padding_with_ones: "node 'pad' (Pad) must pad with zeros",
    padding_in_front_of_maxima: "node 'p' (MaxPool) must take a map without padding",
    padding_that_is_left: "node 'add' (Add) must take a map without padding",
    quant_of_two_widths: "must have one bit width for a whole map, not 3",
    quant_that_drops: "must round to the nearest, not by 'FLOOR'",
    quant_of_one_bit: "must have a bit width from 2 to 16, not 17",
}


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__)
def test_refused(make: Callable, tmp_path) -> None:
    g, result = make()
    path = g.save(tmp_path / "m.onnx", result)
    with pytest.raises(ValueError, match=r".") as caught:
        import_onnx(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert REFUSED[make] in str(caught.value)
