"""Operators of ONNX that multiply by fixed numbers: convolutions, linear layers and affine ones."""

from dataclasses import replace

import numpy as np

from hw.onnx.file import Node
from hw.onnx.layers import LayerWriter, unchanged
from hw.onnx.maps import taken
from hw.onnx.terms import ConvTerms
from hw.onnx.values import Constant, Levels, Map, Picture, Real, Sum, Value
from hw.onnx.windows import pair, window


def conv(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Convolve a map."""
    node.only("kernel_shape", "strides", "pads", "dilations", "group", "auto_pad")
    x, weight, bias = [*values, None][:3]
    x, weight = taken(node, x, layers, padded=True), _weights(node, weight, 4)
    high, wide = weight.codes.shape[2:]
    kernel = pair(node, "kernel_shape", (high, wide))
    node.check(kernel == (high, wide), f"must have kernels of {kernel}, not {(high, wide)}")
    groups = node.attributes.get("group", 1)
    outputs, inputs = weight.codes.shape[:2]
    node.check(
        isinstance(groups, int) and groups >= 1 and inputs * groups == x.shape[0],
        f"must have {inputs} input channels in each of {groups} groups, not {x.shape[0]} in all",
    )
    found = window(node, x, kernel)
    terms = ConvTerms(
        x.source,
        weight.codes,
        x.step * _steps(node, weight),
        _bias(node, bias, outputs),
        {
            "stride": found.stride,
            "padding": found.padding,
            "dilation": found.dilation,
            "groups": groups,
        },
    )
    return Sum(node.name, terms, (outputs, *found.size))


def gemm(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Multiply a vector by a matrix."""
    node.only("transB", alpha=1.0, beta=1.0, transA=0)
    x, weight, bias = [*values, None][:3]
    weight = _weights(node, weight, 2)
    if not node.attributes.get("transB", 0):
        weight = weight.transposed((1, 0))
    return _linear(node, taken(node, x, layers), weight, bias)


def matmul(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Multiply a vector by a matrix."""
    node.only()
    weight = _weights(node, values[1], 2).transposed((1, 0))
    return _linear(node, taken(node, values[0], layers), weight, None)


def _linear(node: Node, x: Map, weight: Levels, bias: Value | None) -> Sum:
    """Convolve with kernels as large as the map."""
    node.check(x.flat, "must take a vector (N, C), not a map")
    outputs, inputs = weight.codes.shape
    pixels = int(np.prod(x.shape))
    node.check(inputs == pixels, f"must take {inputs} numbers, not {pixels}")
    codes, steps = weight.codes.reshape(outputs, *x.shape), _steps(node, weight)
    terms = ConvTerms(x.source, codes, x.step * steps, _bias(node, bias, outputs))
    return Sum(node.name, terms, (outputs, 1, 1), flat=True)


def batch_normalization(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Normalise with fixed numbers, which become part of the weights and biases."""
    node.only("epsilon", "momentum", training_mode=0, spatial=1)
    numbers = [v.real for v in values[1:] if isinstance(v, Constant | Levels)]
    node.check(len(numbers) == 4, "must have fixed numbers")
    gamma, beta, mean, variance = numbers
    spread = variance + node.attributes.get("epsilon", 1e-5)
    node.check(bool((spread > 0).all()), "must have positive variances")
    factor = gamma / np.sqrt(spread)
    return _affine(node, values[0], factor, beta - mean * factor, layers)


def scale(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Multiply or divide by fixed numbers."""
    node.only()
    x, fixed = values
    if isinstance(x, Constant | Levels) and node.operator == "Mul":
        x, fixed = fixed, x
    if not isinstance(fixed, Constant | Levels) or isinstance(x, Constant | Levels):
        raise node.error("must take a map and a fixed number")
    divided = node.operator == "Div"
    node.check(not divided or bool(fixed.real.all()), "must not divide by zero")
    factor = _by_channel(node, x, 1 / fixed.real if divided else fixed.real)
    return _affine(node, x, factor, 0 * factor, layers)


def shift(node: Node, x: Value, fixed: Constant | Levels, sign: int, layers: LayerWriter) -> Value:
    """Add fixed numbers, or subtract them."""
    offset = sign * _by_channel(node, x, fixed.real)
    return _affine(node, x, np.ones(len(offset)), offset, layers)


def _affine(
    node: Node, x: Value | None, factor: np.ndarray, offset: np.ndarray, layers: LayerWriter
) -> Sum:
    """Multiply every channel by a factor and add an offset."""
    if not isinstance(x, Sum):
        x = unchanged(node.name, taken(node, x, layers))
    if not isinstance(x.terms, ConvTerms) or not x.plain:
        raise node.error(f"must follow a convolution at once, or a quantiser, not {x.name!r}")
    ok = np.isfinite(factor).all() and np.isfinite(offset).all()
    node.check(bool(ok), "must have finite numbers")
    factor, offset = (np.broadcast_to(v, (x.shape[0],)) for v in (factor, offset))
    return replace(x, terms=x.terms.times(factor, offset))


def _by_channel(node: Node, x: Value | None, fixed: np.ndarray) -> np.ndarray:
    """Spread fixed numbers over the channels (C,) of a map."""
    if not isinstance(x, Real) or isinstance(x, Picture):
        raise node.error("must take a map that is quantised")
    axes, shape = (2, (int(np.prod(x.shape)),)) if x.flat else (4, x.shape)
    channels = x.shape[0]
    if fixed.size > 1:
        spread = (1,) * (axes - fixed.ndim) + fixed.shape
        ok = spread == (1, channels, *(1,) * (axes - 2)) and (not x.flat or shape == (channels,))
        node.check(ok, f"must have one fixed number, or one for each of {channels} channels")
    return np.broadcast_to(fixed.ravel(), (channels,))


def _weights(node: Node, value: Value | None, axes: int) -> Levels:
    if not isinstance(value, Levels):
        raise node.error("must have fixed, quantised weights")
    shape = value.codes.shape
    node.check(len(shape) == axes and min(shape) > 0, f"must have weights of {axes} axes")
    return value


def _steps(node: Node, weight: Levels) -> np.ndarray:
    """Step (O,) of the weights of every output."""
    node.check(
        weight.step.size == weight.step.shape[0], "must have one scale of weights for each output"
    )
    return np.broadcast_to(weight.step.ravel(), (len(weight.codes),))


def _bias(node: Node, value: Value | None, outputs: int) -> np.ndarray:
    if value is None:
        return np.zeros(outputs)
    if not isinstance(value, Constant | Levels):
        raise node.error("must have a fixed bias")
    real = value.real
    ok = real.size in (1, outputs) and bool(np.isfinite(real).all())
    node.check(ok, f"must have {outputs} finite biases, not {real.size}")
    return np.broadcast_to(real.ravel(), (outputs,))
