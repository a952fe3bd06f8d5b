"""Models of QONNX against real numbers that PyTorch rounds."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from hw.layers import Conv
from hw.onnx.importer import import_onnx
from tests.hw.drawn import frames_of
from tests.hw.onnx.graphs import GraphMaker

STEP, MEAN = 0.21, 0.0613  # of activations; few sums lie in the middle of two


def rounded(x, step, bits: int, *, signed: bool = True, narrow: bool = False) -> torch.Tensor:
    """Round to multiples of a step, halves to even."""
    x, step = torch.as_tensor(x, dtype=torch.float64), torch.as_tensor(step, dtype=torch.float64)
    half = 1 << (bits - signed)
    low, high = (-half + narrow, half - 1) if signed else (0, half - 1 - narrow)
    return (x / step).round().clamp(low, high) * step


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_network_of_brevitas(bits: int, narrow: bool, tmp_path) -> None:
    """Residual, depthwise, concat, batch normalisation, and a linear layer at the end."""
    rng, g = np.random.default_rng(bits), GraphMaker(3, 8, 8)
    flags = {"narrow": int(narrow)}
    parts = [rng.normal(0, 0.4, shape) for shape in ((6, 3, 3, 3), (6, 1, 3, 3), (4, 6, 1, 1))]
    steps = [np.abs(w).max(axis=(1, 2, 3), keepdims=True) / (1 << (bits - 1)) for w in parts]
    last, last_step = rng.normal(0, 0.4, (5, 10)), 0.5 / (1 << (bits - 1))
    gamma, beta = rng.uniform(0.5, 2, 6), rng.uniform(-1, 1, 6)

    weights = [g.quant(g.fixed(w), s, bits, **flags) for w, s in zip(parts, steps, strict=True)]
    x = g.quant("x", 1 / 64, 8, signed=0)
    y = g.node("Conv", x, weights[0], pads=[1, 1, 1, 1])
    zeros, ones = g.fixed(np.zeros(6)), g.fixed(np.ones(6))
    y = g.node("BatchNormalization", y, g.fixed(gamma), g.fixed(beta), zeros, ones, epsilon=1e-9)
    first = g.quant(g.node("Relu", y), STEP, bits, signed=0)
    y = g.node("Conv", first, weights[1], pads=[1, 1, 1, 1], group=6)
    second = g.quant(y, STEP, bits, **flags)
    total = g.quant(g.node("Relu", g.node("Add", second, first)), STEP, bits, signed=0)
    third = g.quant(g.node("Relu", g.node("Conv", total, weights[2])), STEP, bits, signed=0)
    both = g.node("Concat", total, third, axis=1)
    mean = g.quant(g.node("ReduceMean", both, g.fixed(np.array([2, 3])), keepdims=0), MEAN, 8)
    y = g.node("MatMul", mean, g.node("Transpose", g.quant(g.fixed(last), last_step, bits)))
    network = import_onnx(g.save(tmp_path / "m.onnx", y, axes=2))

    pictures = frames_of(network, 40, 1)
    real = [rounded(w, s, bits, narrow=narrow) for w, s in zip(parts, steps, strict=True)]
    maps = torch.as_tensor(pictures, dtype=torch.float64) / 64
    a = functional.conv2d(maps, real[0], padding=1)
    a = a * torch.as_tensor(gamma)[:, None, None] + torch.as_tensor(beta)[:, None, None]
    a = rounded(a.relu(), STEP, bits, signed=False)
    b = rounded(functional.conv2d(a, real[1], padding=1, groups=6), STEP, bits, narrow=narrow)
    b = rounded((a + b).relu(), STEP, bits, signed=False)
    c = rounded(functional.conv2d(b, real[2]).relu(), STEP, bits, signed=False)
    mean = rounded(torch.cat([b, c], 1).mean((2, 3)), MEAN, 8)
    wanted = mean @ rounded(last, last_step, bits).T

    name = network.outputs[0]
    found = network.compute(pictures)[name][:, :, 0, 0] * network.formats[name].scale
    sums = [layer for layer in network.layers if isinstance(layer, Conv) and layer.bits == bits]
    assert all(layer.weight_bits <= bits for layer in sums)
    differences = np.abs(found - wanted.numpy())
    assert (differences < 1e-6).mean() > 0.95  # the others are next to a half
    assert differences.max() < 0.1 * wanted.std()


@pytest.mark.parametrize("mode", ["ROUND", "CEIL", "FLOOR", "ROUND_TO_ZERO"])
def test_rounding_of_weights(mode: str, tmp_path) -> None:
    rng, g = np.random.default_rng(1), GraphMaker(2, 4, 4)
    real = rng.normal(0, 1, (3, 2, 3, 3)).astype(np.float32)
    weights = g.quant(g.fixed(real), 0.25, 4, rounding_mode=mode)
    y = g.quant(g.node("Conv", g.quant("x", 0.1, 8, signed=0), weights), 0.5, 8)
    layer = import_onnx(g.save(tmp_path / "m.onnx", y)).layers[1]
    assert isinstance(layer, Conv)
    function = {"ROUND": np.rint, "CEIL": np.ceil, "FLOOR": np.floor, "ROUND_TO_ZERO": np.trunc}
    wanted = np.clip(function[mode](real / 0.25), -8, 7)
    np.testing.assert_array_equal(layer.weight, wanted)


def test_bias_of_many_bits_and_a_picture_that_is_flattened_first(tmp_path) -> None:
    rng, g = np.random.default_rng(1), GraphMaker(2, 3, 4)
    codes, biases = rng.integers(-7, 8, (5, 24)), rng.integers(-(2**19), 2**19, 5)
    weights = g.quant(g.fixed(codes * 0.25), np.full((5, 1), 0.25), 4)
    bias = g.quant(g.fixed(biases / 2**12), np.full(5, 2.0**-12), 24)
    x = g.quant(g.node("Flatten", "x"), 2.0**-10, 8, signed=0)
    network = import_onnx(g.save(tmp_path / "m.onnx", g.node("Gemm", x, weights, bias, transB=1)))
    x = frames_of(network, 4, 1)
    assert network.input.shape == (2, 3, 4)
    (found,) = network.compute(x).values()
    np.testing.assert_array_equal(found[:, :, 0, 0], x.reshape(4, -1) @ codes.T + biases)
