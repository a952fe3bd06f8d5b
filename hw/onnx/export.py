"""A network of integers as an ONNX model of integer operators, whose result is the very same.

Any runtime of ONNX then judges the network, and netron shows it. There is no QuantizeLinear in it,
which rounds halves to even: the network rounds them up. The tensor of a layer has the layer's name;
what is computed on the way to it has that name, a dot, and what it is.
"""

import json
import os

import numpy as np
import onnx

from hw.activation import Activation
from hw.layers import Add, AvgPool, Concat, Conv, Input, Layer, MaxPool
from hw.network import Network
from hw.onnx.graph_writer import GraphWriter, element_type, tensor
from hw.whole_file import write_whole

SCHEMA = "secateur.onnx/1"
_BYTE = 256
_MIDDLE = 128  # what signed bytes gain to be unsigned ones
_SUM_LIMIT = 2**31  # ConvInteger adds in 32 bits


def export_onnx(network: Network, path: str | os.PathLike) -> None:
    """Write a network as ONNX; the file is complete or not there at all.

    Parameters
    ----------
    network : Network
    path : path
        Its one input is called ``<name of the Input>.stream`` and takes pictures (N, C, H, W) of
        integers as `Network.compute` does. Its outputs are called as the layers are. Maps have the
        smallest type that holds them, raw accumulators too.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    write_whole(path, onnx_model(network).SerializeToString())


def onnx_model(network: Network) -> onnx.ModelProto:
    """Make the ONNX model of a network; see `export_onnx`."""
    graph = GraphWriter()
    for layer in network.layers:
        sources = [network.formats[name] for name in layer.inputs]
        _write(graph, layer, sources, network.formats[layer.name])
    picture = tensor(_stream(network.input), network.input.stream)
    results = [tensor(name, network.formats[name]) for name in network.outputs]
    scales = {name: form.scale for name, form in network.formats.items()}
    facts = {"schema": SCHEMA, "name": network.name, "scales": json.dumps(scales)}
    model = graph.model(network.name, picture, results, facts)
    onnx.checker.check_model(model, full_check=True)
    return model


def _stream(layer: Input) -> str:
    """Name of the tensor that enters; no layer can be called so."""
    return f"{layer.name}.stream"


def _write(graph: GraphWriter, layer: Layer, sources: list[Activation], out: Activation) -> None:
    """Write the nodes of one layer."""
    if isinstance(layer, Input):
        _input(graph, layer, out)
    elif isinstance(layer, Conv):
        _conv(graph, layer, sources[0], out)
    elif isinstance(layer, AvgPool):
        _conv(graph, layer.as_conv(sources[0]), sources[0], out)
    elif isinstance(layer, MaxPool):
        _max_pool(graph, layer, out)
    elif isinstance(layer, Add):
        _add(graph, layer, sources, out)
    else:
        _concat(graph, layer)


def _input(graph: GraphWriter, layer: Input, out: Activation) -> None:
    name = layer.name
    if not layer.offset:
        graph.add("Identity", name, _stream(layer))
        return
    wide = graph.cast(f"{name}.wide", _stream(layer), np.int64)
    centred = graph.add("Sub", f"{name}.centred", wide, _each(layer.offset))
    graph.cast(name, centred, element_type(out))


def _conv(graph: GraphWriter, layer: Conv, source: Activation, out: Activation) -> None:
    """Add up products of bytes, in 32 bits each; then all that is wider, in 64."""
    name = layer.name
    terms = []
    for value, factor, signed in _bytes_of(graph, layer, source):
        for weight in _short(layer.weight):
            part = f"{name}.products_{len(terms)}"
            products = _products(graph, part, value, signed, weight, layer)
            wide = graph.cast(f"{part}.wide", products, np.int64)
            terms.append(
                wide if factor == 1 else graph.add("Mul", f"{part}.high", wide, np.array(factor))
            )
    total = terms[0]
    for index, term in enumerate(terms[1:], 1):
        total = graph.add("Add", f"{name}.products_0_{index}", total, term)
    total = graph.add("Add", f"{name}.accumulator", total, _each(layer.bias))
    if layer.multiplier is None or layer.shift is None:
        graph.cast(name, total, element_type(out))
        return
    scaled = graph.add("Mul", f"{name}.scaled", total, _each(layer.multiplier))
    _round(graph, name, scaled, layer.shift, out)


def _bytes_of(graph: GraphWriter, layer: Conv, source: Activation) -> list[tuple[str, int, bool]]:
    """Split a map into bytes: of each its tensor of uint8, its factor, and whether it is signed.

    A signed byte has 128 added, which the zero point of ConvInteger takes off again. (With int8
    beside uint8 some processors saturate sums of two products at 16 bits.)
    """
    name, taken = layer.name, layer.source
    if source.bits <= 8:
        return [(_unsigned(graph, f"{name}.taken", taken, source.signed), 1, source.signed)]
    wide = graph.cast(f"{name}.taken", taken, np.int64)
    low = graph.add("Mod", f"{name}.taken.low", wide, np.array(_BYTE))  # never negative
    rest = graph.add("Sub", f"{name}.taken.rest", wide, low)
    high = graph.add("Div", f"{name}.taken.high", rest, np.array(_BYTE))  # without remainder
    return [
        (graph.cast(f"{low}.byte", low, np.uint8), 1, False),
        (_unsigned(graph, f"{high}.byte", high, source.signed), _BYTE, source.signed),
    ]


def _unsigned(graph: GraphWriter, result: str, value: str, signed: bool) -> str:
    """Make a map of bytes, signed or not, one of uint8."""
    if not signed:
        return graph.cast(result, value, np.uint8)
    wide = graph.cast(f"{result}.wide", value, np.int64)
    raised = graph.add("Add", f"{result}.raised", wide, np.array(_MIDDLE))
    return graph.cast(result, raised, np.uint8)


def _short(weight: np.ndarray) -> list[np.ndarray]:
    """Split weights into terms, each of which adds up in 32 bits whatever the bytes are."""
    flat = weight.reshape(len(weight), -1)
    if (np.abs(flat).sum(axis=1) * _BYTE).max() < _SUM_LIMIT:
        return [weight]
    first = np.arange(flat.shape[1]) < flat.shape[1] // 2
    halves = (np.where(half, flat, 0).reshape(weight.shape) for half in (first, ~first))
    return [part for half in halves for part in _short(half)]


def _products(
    graph: GraphWriter, result: str, value: str, signed: bool, weight: np.ndarray, layer: Conv
) -> str:
    top, bottom, left, right = layer.padding
    return graph.add(
        "ConvInteger",
        result,
        value,
        (weight + _MIDDLE).astype(np.uint8),
        np.array(_MIDDLE if signed else 0, np.uint8),
        np.array(_MIDDLE, np.uint8),
        kernel_shape=layer.kernel,
        strides=layer.stride,
        dilations=layer.dilation,
        pads=(top, left, bottom, right),
        group=layer.groups,
    )


def _max_pool(graph: GraphWriter, layer: MaxPool, out: Activation) -> None:
    """Take maxima of bytes as they are; of wider numbers in float64, which holds them exactly."""
    top, bottom, left, right = layer.padding
    window = {
        "kernel_shape": layer.kernel,
        "strides": layer.stride,
        "pads": (top, left, bottom, right),
    }
    if out.bits <= 8:
        graph.add("MaxPool", layer.name, layer.source, **window)
        return
    real = graph.cast(f"{layer.name}.taken", layer.source, np.float64)
    largest = graph.add("MaxPool", f"{layer.name}.largest", real, **window)
    graph.cast(layer.name, largest, element_type(out))


def _add(graph: GraphWriter, layer: Add, sources: list[Activation], out: Activation) -> None:
    """Scale and add; a channel that `b` does not have takes any of its own times zero."""
    name, (a, b) = layer.name, layer.sources
    if layer.stride != (1, 1):
        start, end = np.zeros(2, np.int64), np.array(sources[1].shape[1:])
        steps = np.array(layer.stride)
        b = graph.add("Slice", f"{name}.strided", b, start, end, np.array([2, 3]), steps)
    taken = np.array(layer.taken(sources[0]))
    if layer.channels:
        b = graph.add("Gather", f"{name}.shortcut", b, np.maximum(taken, 0), axis=1)
    factors = np.array(layer.multipliers[0]), _each(layer.multipliers[1] * (taken >= 0))
    terms = []
    for key, value, factor in zip("ab", (a, b), factors, strict=True):
        wide = graph.cast(f"{name}.{key}.wide", value, np.int64)
        terms.append(graph.add("Mul", f"{name}.{key}.scaled", wide, factor))
    total = graph.add("Add", f"{name}.scaled", *terms)
    _round(graph, name, total, np.array([layer.shift]), out)


def _concat(graph: GraphWriter, layer: Concat) -> None:
    graph.add("Concat", layer.name, *layer.sources, axis=1)


def _round(graph: GraphWriter, name: str, scaled: str, shift: np.ndarray, out: Activation) -> None:
    """Round half up and saturate: ``clip((scaled + 2**(shift - 1)) >> shift, low, high)``.

    Div drops the fraction, so that it rounds down only what is not negative: all is counted from
    `low`, and what is below it raised to it, before the division. (Max, Min and Clip are wrong for
    numbers of more than 32 bits in onnxruntime on x86; comparing and choosing is right.)
    """
    divisor = _each(np.int64(1) << shift)
    least, most = np.array(0), np.array(out.high - out.low)
    half = graph.add("Add", f"{name}.above_low", scaled, divisor // 2 - out.low * divisor)
    below = graph.add("Less", f"{name}.is_below", half, least)
    raised = graph.add("Where", f"{name}.at_least_low", below, least, half)
    divided = graph.add("Div", f"{name}.divided", raised, divisor)
    above = graph.add("Greater", f"{name}.is_above", divided, most)
    counted = graph.add("Where", f"{name}.at_most_high", above, most, divided)
    if out.low:
        counted = graph.add("Add", f"{name}.from_zero", counted, np.array(out.low))
    graph.cast(name, counted, element_type(out))


def _each(values: np.ndarray | tuple[int, ...]) -> np.ndarray:
    """One number for each channel, in the shape that ONNX spreads over maps (N, C, H, W)."""
    return np.asarray(values, np.int64)[:, None, None]
