"""Convolutions, linear layers and affine operators of QDQ models, against onnxruntime."""

from collections.abc import Callable

import numpy as np
import pytest

from hw.layers import Conv
from tests.hw.drawn import frames_of
from tests.hw.onnx.checks import STEP, check, conv
from tests.hw.onnx.graphs import GraphMaker, drawn_weights

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


def test_output_without_weights_whose_scale_says_nothing(tmp_path) -> None:
    rng, g = np.random.default_rng(11), GraphMaker(3, 4, 4)
    codes, steps = drawn_weights(rng, 3, 3, 2, 2), np.array([0.01, 1e-30, 0.02])
    codes[1] = 0
    bias = g.fixed(np.array([0.1, 0.5, -0.2]))
    y = g.node("Conv", g.rounded("x", STEP), g.weights(codes, steps), bias)
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.05, 0, "int8")))
    result = network.compute(frames_of(network, 4, 1))[network.outputs[0]]
    assert set(result[:, 1].ravel()) == {10}


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


@pytest.mark.parametrize("step", [STEP, STEP * 1.3])
def test_padding_by_an_operator(step: float, tmp_path) -> None:
    rng, g = np.random.default_rng(9), GraphMaker(3, 5, 6)
    pads = g.fixed(np.array([0, 0, 1, 2, 0, 0, 0, 1]))
    padded = g.rounded(g.node("Pad", g.rounded("x", STEP, 9), pads), step, 9)
    y = conv(g, padded, rng, 4, 3, 3, 4, pads=[0, 1, 1, 0])
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.03, 0)))
    layer = network.layers[-1]
    assert isinstance(layer, Conv)
    assert layer.padding == (1, 1, 3, 1)
