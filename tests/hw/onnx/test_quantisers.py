"""Codes of QDQ models, against onnxruntime."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from hw.layers import Conv
from tests.hw.drawn import frames_of
from tests.hw.onnx.checks import STEP, check, conv
from tests.hw.onnx.graphs import GraphMaker

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


@pytest.mark.parametrize(("kind", "zero"), [("uint8", 0), ("int8", 0), ("uint8", 60)])
def test_range_that_another_quantiser_narrows(kind: str, zero: int, tmp_path) -> None:
    rng, g = np.random.default_rng(2), GraphMaker(3, 6, 6)
    y = g.rounded(conv(g, g.rounded("x", STEP), rng, 5, 3, 3, 3), 0.01, 0, "int16")
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.01, zero, kind)))
    result = network.compute(frames_of(network, 24, 5))[network.outputs[0]]
    assert result.min() == np.iinfo(kind).min - zero
    assert result.max() == np.iinfo(kind).max - zero


def test_codes_of_16_bits(tmp_path) -> None:
    rng, g = np.random.default_rng(3), GraphMaker(2, 4, 4)
    x = g.rounded("x", 0.001, 0, "int16")
    y = g.rounded(conv(g, x, rng, 3, 2, 3, 3), 0.003, 0, "int16")
    network, _ = check(g.save(tmp_path / "m.onnx", y), most=2.01)
    assert [form.bits for form in network.formats.values()] == [16, 16]


def test_picture_of_codes(tmp_path) -> None:
    rng, g = np.random.default_rng(13), GraphMaker(3, 6, 6, kind=2)  # uint8
    x = g.node("DequantizeLinear", "x", g.fixed(STEP), g.fixed(np.array(131, np.uint8)))
    y = g.rounded(conv(g, x, rng, 4, 3, 3, 3), 0.03, 0, "int8")
    network, _ = check(g.save(tmp_path / "m.onnx", y))
    assert network.input.offset == (131,) * 3


def test_picture_that_is_quantised_twice_in_one_way(tmp_path) -> None:
    rng, g = np.random.default_rng(8), GraphMaker(3, 6, 6)
    maps = [g.rounded(conv(g, g.rounded("x", STEP, 5), rng, 4, 3, 3, 3), 0.02) for _ in range(2)]
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(g.node("Add", *maps), 0.03)))
    assert [layer.inputs for layer in network.layers[1:3]] == [("x",), ("x",)]


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
