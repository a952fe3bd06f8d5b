"""Operators of QDQ models, one by one, against onnxruntime."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from hw.folding import fold_to_multipliers
from hw.layers import Add, Concat, Conv, Input, MaxPool
from hw.network import Network
from hw.onnx.agreement import Agreement, compare_with_onnxruntime
from hw.onnx.importer import import_onnx
from tests.hw.drawn import frames_of
from tests.hw.networks import Case
from tests.hw.onnx.graphs import GraphMaker, drawn_weights
from tests.hw.pipeline import check_rounds

STEP = 1 / 64


def check(path: Path, most: float = 1.01, frames: int = 24) -> tuple[Network, Agreement]:
    """Import a model; its results must be those of onnxruntime, but for roundings."""
    network = import_onnx(path)
    found = compare_with_onnxruntime(path, network, frames_of(network, frames, 5))
    assert found.difference <= most
    return network, found


def conv(g: GraphMaker, x: str, rng, *shape: int, **options) -> str:
    """Put a convolution whose outputs have scales and biases of their own."""
    steps = rng.uniform(0.002, 0.01, shape[0])
    bias = g.fixed(rng.uniform(-2, 2, shape[0]))
    return g.node("Conv", x, g.weights(drawn_weights(rng, *shape), steps), bias, **options)


WINDOWS = {
    "padded": {"pads": [1, 0, 2, 1]},
    "strided": {"strides": [2, 3], "pads": [2, 2, 0, 1]},
    "dilated": {"dilations": [2, 1], "pads": [2, 1, 2, 1]},
    "same, more behind": {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    "same, more before": {"auto_pad": "SAME_LOWER", "strides": [3, 2]},
    "valid": {"auto_pad": "VALID"},
}


@pytest.mark.parametrize("options", WINDOWS.values(), ids=WINDOWS)
def test_windows_of_convolutions(options: dict, tmp_path) -> None:
    rng, g = np.random.default_rng(1), GraphMaker(4, 9, 8)
    x = g.rounded("x", STEP, 7)
    y = g.rounded(conv(g, x, rng, 6, 4, 3, 3, **options), 0.04, 0, "int8")
    check(g.save(tmp_path / "m.onnx", y))


@pytest.mark.parametrize("groups", [2, 4])
def test_groups(groups: int, tmp_path) -> None:
    rng, g = np.random.default_rng(1), GraphMaker(4, 5, 6)
    x = g.rounded("x", STEP, 0)
    y = conv(g, x, rng, 8, 4 // groups, 3, 3, group=groups, pads=[1, 1, 1, 1])
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.02, 0, "int8")))
    layer = network.layers[1]
    assert isinstance(layer, Conv)
    assert layer.groups == groups


ZEROS = [("uint8", 0), ("uint8", 128), ("uint8", 101), ("uint8", 255), ("int8", -128), ("int8", 31)]


@pytest.mark.parametrize(("kind", "zero"), ZEROS)
def test_zero_points(kind: str, zero: int, tmp_path) -> None:
    """A result saturates where its codes end, on both sides, whatever their zero point is."""
    rng, g = np.random.default_rng(2), GraphMaker(3, 6, 6)
    x = g.rounded("x", STEP, zero, kind)
    step = 0.006 if zero not in (-128, 255) else 0.01
    y = g.rounded(conv(g, x, rng, 5, 3, 3, 3), step, zero, kind)
    path = g.save(tmp_path / "m.onnx", y)
    network, _ = check(path)
    low, high = np.iinfo(kind).min - zero, np.iinfo(kind).max - zero
    result = network.compute(frames_of(network, 24, 5))[network.outputs[0]]
    assert (result.min(), result.max()) == (low, high)
    exact = (low, high) in ((0, 255), (-128, 127))
    assert len(network.layers) == (2 if exact else 3)


def test_zero_point_where_a_bias_is_too_coarse_for_it(tmp_path) -> None:
    """The result is raised by a layer of its own then."""
    rng, g = np.random.default_rng(2), GraphMaker(3, 6, 6)
    codes = rng.integers(-1, 2, (5, 3, 3, 3)).astype(np.int8)
    y = g.node("Conv", g.rounded("x", 0.5, 2, "int8"), g.weights(codes, 0.7))
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.41, 31, "int8")))
    assert [layer.name for layer in network.layers[1:]] == [
        f"Conv_3{end}" for end in ("_wide", "_raised", "")
    ]


def test_codes_of_16_bits(tmp_path) -> None:
    rng, g = np.random.default_rng(3), GraphMaker(2, 4, 4)
    x = g.rounded("x", 0.001, 0, "int16")
    y = g.rounded(conv(g, x, rng, 3, 2, 3, 3), 0.003, 0, "int16")
    network, _ = check(g.save(tmp_path / "m.onnx", y), most=2.01)
    assert [form.bits for form in network.formats.values()] == [16, 16]


@pytest.mark.parametrize("zero", [0, 90, 128])
@pytest.mark.parametrize("limits", [(0.0, None), (0.0, 1.0), (-0.5, 0.5), (None, 0.7)])
def test_activation_functions(limits: tuple, zero: int, tmp_path) -> None:
    """Also limits that no format has: the largest code is then not all ones."""
    rng, g = np.random.default_rng(4), GraphMaker(3, 6, 6)
    y = conv(g, g.rounded("x", STEP), rng, 5, 3, 3, 3)
    given = ["" if limit is None else g.fixed(limit) for limit in limits]
    y = g.node("Relu", y) if limits == (0.0, None) else g.node("Clip", y, *given)
    y = g.rounded(y, 0.01, zero)
    network, _ = check(g.save(tmp_path / "m.onnx", y))
    result = network.compute(frames_of(network, 24, 5))[network.outputs[0]]
    low, high = (np.inf * s if v is None else v for v, s in zip(limits, (-1, 1), strict=True))
    assert result.min() == max(-zero, round(low / 0.01) if np.isfinite(low) else -zero)
    assert result.max() == min(255 - zero, round(high / 0.01) if np.isfinite(high) else 255)


def test_relu_behind_a_quantiser_costs_no_layer_if_it_takes_all(tmp_path) -> None:
    rng = np.random.default_rng(5)
    for shared in (False, True):
        g = GraphMaker(3, 6, 6)
        before = g.rounded(conv(g, g.rounded("x", STEP), rng, 5, 3, 3, 3), 0.02, 0, "int8")
        y = g.rounded(g.node("Relu", before), 0.02, 0, "int8")
        if shared:
            y = g.rounded(g.node("Add", y, before), 0.03, 0, "int8")
        network, _ = check(g.save(tmp_path / "m.onnx", y))
        assert len(network.layers) == (4 if shared else 2)


@pytest.mark.parametrize("zeros", [(0, 0, 0), (0, 120, 37), (128, 0, 255)])
def test_residual_add(zeros: tuple[int, int, int], tmp_path) -> None:
    rng, g = np.random.default_rng(6), GraphMaker(4, 6, 6)
    x = g.rounded("x", STEP, zeros[0])
    y = g.rounded(conv(g, x, rng, 4, 4, 3, 3, pads=[1, 1, 1, 1]), 0.03, zeros[1])
    total = g.node("Add", y, x, name="/block.0/add")
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(total, 0.04, zeros[2])))
    assert "block_0_add" in network.formats
    assert sum(isinstance(layer, Add) for layer in network.layers) == 1


@pytest.mark.parametrize("zero", [0, 77])
def test_concat_of_other_scales(zero: int, tmp_path) -> None:
    rng, g = np.random.default_rng(7), GraphMaker(4, 6, 6)
    x = g.rounded("x", STEP)
    maps = [
        g.rounded(conv(g, x, rng, n, 4, 1, 1), step, point)
        for n, step, point in ((2, 0.02, 0), (3, 0.015, 128), (1, 0.02, zero))
    ]
    both = g.rounded(g.node("Concat", *maps, axis=1), 0.02, zero)
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(both, 0.02, zero)))
    (layer,) = (layer for layer in network.layers if isinstance(layer, Concat))
    assert len(layer.sources) == 3


def test_concat_of_one_format_needs_no_quantiser(tmp_path) -> None:
    rng, g = np.random.default_rng(7), GraphMaker(4, 6, 6)
    x = g.rounded("x", STEP)
    maps = [g.rounded(conv(g, x, rng, n, 4, 1, 1), 0.02, 0) for n in (2, 3)]
    both = g.node("Concat", *maps, axis=1)
    first, second = (g.rounded(conv(g, both, rng, 2, 5, 3, 3), 0.05, 0) for _ in range(2))
    network, _ = check(g.save(tmp_path / "m.onnx", first, second))
    assert [type(layer) for layer in network.layers] == [Input, Conv, Conv, Concat, Conv, Conv]


POOLS: dict[str, tuple[str, dict]] = {
    "most": ("MaxPool", {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 2, 1]}),
    "most, windows cut": ("MaxPool", {"kernel_shape": [2, 3], "strides": [2, 2], "ceil_mode": 1}),
    "mean": ("AveragePool", {"kernel_shape": [3, 2], "strides": [2, 1]}),
    "mean, padded": (
        "AveragePool",
        {"kernel_shape": [3, 2], "pads": [1, 1, 0, 0], "count_include_pad": 1},
    ),
    "global": ("GlobalAveragePool", {}),
}


@pytest.mark.parametrize("zero", [0, 128, 60])
@pytest.mark.parametrize(("operator", "options"), POOLS.values(), ids=POOLS)
def test_pooling(operator: str, options: dict, zero: int, tmp_path) -> None:
    g = GraphMaker(3, 7, 8)
    pooled = g.node(operator, g.rounded("x", STEP, zero), **options)
    step = STEP if operator == "MaxPool" else STEP / 3
    check(g.save(tmp_path / "m.onnx", g.rounded(pooled, step, zero)))


def test_pooling_of_codes_and_of_what_is_not_yet_quantised(tmp_path) -> None:
    rng, g = np.random.default_rng(8), GraphMaker(3, 9, 9)
    step, zero = g.fixed(0.02), g.fixed(np.array(40, np.uint8))
    y = g.node("Relu", conv(g, g.rounded("x", STEP), rng, 4, 3, 3, 3))
    y = g.node("MaxPool", y, kernel_shape=[2, 2], strides=[1, 1])
    codes = g.node("QuantizeLinear", y, step, zero)
    codes = g.node("MaxPool", codes, kernel_shape=[2, 2], strides=[2, 2])
    path = g.save(tmp_path / "m.onnx", g.node("DequantizeLinear", codes, step, zero))
    network, _ = check(path)
    assert sum(isinstance(layer, MaxPool) for layer in network.layers) == 2


def test_relu_behind_pooled_codes(tmp_path) -> None:
    rng, g = np.random.default_rng(8), GraphMaker(3, 6, 6)
    step, zero = g.fixed(0.02), g.fixed(np.array(0, np.int8))
    y = conv(g, g.rounded("x", STEP), rng, 4, 3, 3, 3)
    codes = g.node("QuantizeLinear", y, step, zero)
    codes = g.node("MaxPool", codes, kernel_shape=[2, 2], strides=[2, 2])
    y = g.node("Relu", g.node("DequantizeLinear", codes, step, zero))
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.02, 0, "int8")))
    assert network.formats[network.outputs[0]].shape == (4, 2, 2)


def test_picture_that_is_quantised_twice_in_one_way(tmp_path) -> None:
    rng, g = np.random.default_rng(8), GraphMaker(3, 6, 6)
    maps = [g.rounded(conv(g, g.rounded("x", STEP, 5), rng, 4, 3, 3, 3), 0.02) for _ in range(2)]
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(g.node("Add", *maps), 0.03)))
    assert [layer.inputs for layer in network.layers[1:3]] == [("x",), ("x",)]


def test_padding_by_an_operator(tmp_path) -> None:
    rng, g = np.random.default_rng(9), GraphMaker(3, 5, 6)
    pads = g.fixed(np.array([0, 0, 1, 2, 0, 0, 0, 1]))
    padded = g.rounded(g.node("Pad", g.rounded("x", STEP, 9), pads), STEP, 9)
    y = conv(g, padded, rng, 4, 3, 3, 4, pads=[0, 1, 1, 0])
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.03, 0)))
    layer = network.layers[1]
    assert isinstance(layer, Conv)
    assert layer.padding == (1, 1, 3, 1)


def gemm(g: GraphMaker, x: str, codes: np.ndarray, scale: float) -> str:
    return g.node("Gemm", x, g.weights(codes, scale), transB=1)


def gemm_untransposed(g: GraphMaker, x: str, codes: np.ndarray, scale: float) -> str:
    return g.node("Gemm", x, g.weights(codes.T, scale), g.fixed(0.3))


def matmul(g: GraphMaker, x: str, codes: np.ndarray, scale: float) -> str:
    product = g.node("MatMul", x, g.node("Transpose", g.weights(codes, scale), perm=[1, 0]))
    return g.node("Add", g.fixed(np.linspace(-1, 1, len(codes))), product)


@pytest.mark.parametrize("linear", [gemm, gemm_untransposed, matmul])
@pytest.mark.parametrize("flat", ["Flatten", "Reshape", "view"])
def test_linear_layers(linear: Callable, flat: str, tmp_path) -> None:
    """The last one leaves its sums, as real numbers."""
    rng, g = np.random.default_rng(10), GraphMaker(3, 4, 2)
    x = g.rounded("x", STEP, 3)
    if flat == "Flatten":
        x = g.node("Flatten", x)
    elif flat == "Reshape":
        x = g.node("Reshape", x, g.fixed(np.array([0, -1])))
    else:  # x.view(x.shape[0], -1)
        batch = g.node("Gather", g.node("Shape", x), g.fixed(np.array(0)))
        batch = g.node("Unsqueeze", batch, g.fixed(np.array([0])))
        x = g.node("Reshape", x, g.node("Concat", batch, g.fixed(np.array([-1])), axis=0))
    y = g.node("Relu", linear(g, x, drawn_weights(rng, 5, 24), 0.01))
    y = linear(g, g.rounded(y, 0.05), drawn_weights(rng, 10, 5), 0.01)
    network, found = check(g.save(tmp_path / "m.onnx", y, axes=2), most=200)
    last = network.layers[-1]
    assert isinstance(last, Conv)
    assert last.multiplier is None
    assert found.top1 > 0.9


def test_sums_of_several_scales_leave_in_16_bits(tmp_path) -> None:
    rng, g = np.random.default_rng(11), GraphMaker(12)
    x = g.rounded("x", STEP, 128)
    weights = g.weights(drawn_weights(rng, 10, 12), rng.uniform(0.001, 0.01, 10))
    y = g.node("Gemm", x, weights, transB=1)
    network, found = check(g.save(tmp_path / "m.onnx", y, axes=2))
    assert network.formats[network.outputs[0]].bits == 16
    assert found.top1 == 1


def test_batch_normalisation_and_affine_operators(tmp_path) -> None:
    """Factors may be negative, or zero."""
    rng, g = np.random.default_rng(12), GraphMaker(3, 6, 6)
    y = conv(g, g.rounded("x", STEP), rng, 4, 3, 3, 3)
    gamma, beta = np.array([1.5, -0.7, 0.0, 0.4]), rng.uniform(-1, 1, 4)
    numbers = (gamma, beta, rng.uniform(-1, 1, 4), rng.uniform(0.5, 2, 4))
    y = g.node("BatchNormalization", y, *map(g.fixed, numbers), epsilon=1e-3)
    y = g.node("Div", y, g.fixed(np.array(2.0)))
    y = g.node("Sub", g.node("Mul", g.fixed(np.array(3.0)), y), g.fixed(np.ones((4, 1, 1)) / 3))
    y = g.rounded(y, 0.03, 0, "int8")
    numbers = (gamma + 1, beta, np.zeros(4), np.ones(4))  # of what is quantised
    y = g.node("BatchNormalization", y, *map(g.fixed, numbers))
    check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.05, 0, "int8")), most=2.01)


def test_picture_of_codes(tmp_path) -> None:
    rng, g = np.random.default_rng(13), GraphMaker(3, 6, 6, kind=2)  # uint8
    x = g.node("DequantizeLinear", "x", g.fixed(STEP), g.fixed(np.array(131, np.uint8)))
    y = g.rounded(conv(g, x, rng, 4, 3, 3, 3), 0.03, 0, "int8")
    network, _ = check(g.save(tmp_path / "m.onnx", y))
    assert network.input.offset == (131,) * 3


def test_weights_that_the_model_quantises(tmp_path) -> None:
    """PyTorch leaves real weights and their quantisers; codes of 4 bits are clipped ones of 8."""
    rng, g = np.random.default_rng(14), GraphMaker(3, 6, 6)
    steps, zeros = g.fixed(rng.uniform(0.05, 0.1, 4)), g.fixed(np.zeros(4, np.int8))
    limits = [g.fixed(np.array(v, np.int8)) for v in (-8, 7)]
    codes = g.node(
        "QuantizeLinear", g.fixed(rng.normal(0, 0.5, (4, 3, 3, 3))), steps, zeros, axis=0
    )
    codes = g.node("Clip", codes, *limits)
    weights = g.node("DequantizeLinear", codes, steps, zeros, axis=0)
    y = g.node("Conv", g.rounded("x", STEP), weights)
    step, zero = g.fixed(0.2), g.fixed(np.array(0, np.uint8))
    limits = [g.fixed(np.array(v, np.uint8)) for v in (0, 15)]
    codes = g.node("Clip", g.node("QuantizeLinear", y, step, zero), *limits)
    path = g.save(tmp_path / "m.onnx", g.node("DequantizeLinear", codes, step, zero))
    network, _ = check(path)
    layer = network.layers[1]
    assert isinstance(layer, Conv)
    assert (layer.weight_bits, layer.bits, layer.signed) == (4, 4, False)


def test_weights_of_four_bits(tmp_path) -> None:
    rng, g = np.random.default_rng(15), GraphMaker(3, 6, 6)
    codes = rng.integers(-8, 8, (4, 3, 3, 3))
    g.constants.append(helper.make_tensor("w", TensorProto.INT4, codes.shape, codes.ravel()))
    weights = g.node("DequantizeLinear", "w", g.fixed(0.05))
    y = g.node("Conv", g.rounded("x", STEP), weights)
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.05, 0, "int8")))
    layer = network.layers[1]
    assert isinstance(layer, Conv)
    np.testing.assert_array_equal(layer.weight, codes)


def test_unsigned_weights_around_their_zero_point(tmp_path) -> None:
    rng, g = np.random.default_rng(15), GraphMaker(3, 6, 6)
    codes, zero = rng.integers(0, 256, (4, 3, 3, 3)).astype(np.uint8), np.array(128, np.uint8)
    y = g.node("Conv", g.rounded("x", STEP), g.weights(codes, 0.01, zero))
    check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.05, 0, "int8")))


def test_hardware_computes_it(tmp_path) -> None:
    """A residual block whose results have zero points of any kind."""
    rng, g = np.random.default_rng(17), GraphMaker(2, 4, 5)
    x = g.rounded("x", STEP, 100)
    y = g.rounded(conv(g, x, rng, 3, 2, 3, 3, pads=[1, 1, 1, 1]), 0.02, 30)
    z = g.rounded(conv(g, y, rng, 3, 3, 3, 3, pads=[1, 1, 1, 1]), 0.03, 200)
    total = g.rounded(g.node("Relu", g.node("Add", z, y)), 0.02, 90)
    network, _ = check(g.save(tmp_path / "m.onnx", total), most=2.01)
    names = " ".join(layer.name for layer in network.layers)
    assert (names.count("_raised"), names.count("_wide")) == (3, 1)
    x = frames_of(network, 5, 1)
    rounds = [(x, "none", "none"), (x, "random", "bursty")]
    check_rounds(Case(network, fold_to_multipliers(network, 30)), rounds)


def test_names(tmp_path) -> None:
    rng, g = np.random.default_rng(16), GraphMaker(3, 6, 6)
    x = g.rounded("x", STEP)
    first = g.rounded(conv(g, x, rng, 4, 3, 3, 3, name="/layer1/0/conv-1/Conv"), 0.03)
    second = g.rounded(conv(g, x, rng, 4, 3, 3, 3, name="/layer1/0/conv_1/Conv"), 0.03)
    third = g.rounded(conv(g, x, rng, 4, 3, 3, 3, name="9"), 0.03)
    path = g.save(tmp_path / "8 bits.onnx", first, second, third)
    network = import_onnx(path)
    assert network.name == "n_8_bits"
    assert [layer.name for layer in network.layers] == [
        "x",
        "layer1_0_conv_1_Conv",
        "layer1_0_conv_1_Conv_2",
        "n_9",
    ]
    assert import_onnx(path, "mine").name == "mine"
