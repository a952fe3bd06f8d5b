"""Activation functions, pooling, adds and concats of QDQ models, against onnxruntime."""

import numpy as np
import pytest

from hw.layers import Add, Concat, Conv, Input, MaxPool
from tests.hw.drawn import frames_of
from tests.hw.onnx.checks import STEP, check, conv
from tests.hw.onnx.graphs import GraphMaker


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
        wide = [k for k in network.layers if isinstance(k, Conv) and k.kernel == (3, 3)]
        assert len(wide) == 1


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
    "most, windows behind": (
        "MaxPool",
        {"kernel_shape": [1, 1], "strides": [4, 3], "ceil_mode": 1},
    ),
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


def test_max_pooling_of_a_map_with_zeros_around(tmp_path) -> None:
    """They are as good as nothing, for what is never negative."""
    g = GraphMaker(3, 6, 6)
    pads = g.fixed(np.array([0, 0, 1, 1, 0, 0, 0, 0]))
    x = g.node("Pad", g.rounded("x", STEP), pads)
    y = g.node("MaxPool", x, kernel_shape=[2, 3], strides=[2, 2], pads=[0, 0, 1, 1])
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, STEP)))
    layer = network.layers[1]
    assert isinstance(layer, MaxPool)
    assert layer.padding == (1, 1, 1, 1)


def test_reshape_that_changes_nothing(tmp_path) -> None:
    g = GraphMaker(3, 6, 6)
    x = g.node("Reshape", g.rounded("x", STEP), g.fixed(np.array([0, 0, -1, 6])))
    y = g.node("MaxPool", x, kernel_shape=[2, 2])
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, STEP)))
    assert network.formats[network.outputs[0]].shape == (3, 5, 5)


def test_relu_behind_pooled_codes(tmp_path) -> None:
    rng, g = np.random.default_rng(8), GraphMaker(3, 6, 6)
    step, zero = g.fixed(0.02), g.fixed(np.array(0, np.int8))
    y = conv(g, g.rounded("x", STEP), rng, 4, 3, 3, 3)
    codes = g.node("QuantizeLinear", y, step, zero)
    codes = g.node("MaxPool", codes, kernel_shape=[2, 2], strides=[2, 2])
    y = g.node("Relu", g.node("DequantizeLinear", codes, step, zero))
    network, _ = check(g.save(tmp_path / "m.onnx", g.rounded(y, 0.02, 0, "int8")))
    assert network.formats[network.outputs[0]].shape == (4, 2, 2)
