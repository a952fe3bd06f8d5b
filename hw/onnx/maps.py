"""Operators of ONNX that take maps alone: activation functions, pooling, adds and concats."""

from dataclasses import replace

import numpy as np

from hw.onnx.file import Node
from hw.onnx.layers import LayerWriter, unchanged
from hw.onnx.terms import AddTerms, AvgTerms
from hw.onnx.values import (
    NO_PADDING,
    Codes,
    Constant,
    Levels,
    Map,
    Picture,
    Pool,
    Rounded,
    Sum,
    Together,
    Value,
)
from hw.onnx.windows import Window, pair, window


def taken(node: Node, value: Value | None, layers: LayerWriter, *, padded: bool = False) -> Map:
    """Map that an operator takes.

    Raises
    ------
    UnsupportedNode
        If it is not quantised, or padded where that is not allowed.
    """
    if isinstance(value, Picture):
        raise node.error(f"must take a quantised input, but {value.name!r} is not")
    if isinstance(value, Sum):
        raise node.error(f"must take a quantised map, but the result of {value.name!r} is not")
    if isinstance(value, Together):
        node.check(value.alike, "must take a concat that is quantised, or of maps of one format")
        return layers.joined(value)
    if isinstance(value, Rounded):
        value = layers.settled(value.codes)
    if not isinstance(value, Map):
        raise node.error("must take a map of real numbers")
    node.check(padded or value.padding == NO_PADDING, "must take a map without padding")
    return value


def relu(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Replace what is below zero by zero."""
    node.only()
    return _limit(node, values[0], 0.0, np.inf, layers)


def clip(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Limit real numbers, or codes."""
    node.only()
    x, *given = [*values, None, None][:3]
    limits = []
    for value, default in zip(given, (-np.inf, np.inf), strict=True):
        if value is not None and not isinstance(value, Constant | Levels):
            raise node.error("must have fixed limits")
        node.check(value is None or value.real.size == 1, "must have one number for each limit")
        limits.append(default if value is None else float(value.real.ravel()[0]))
    low, high = limits
    node.check(low <= high, f"must have limits that ascend, not {low:g} and {high:g}")
    if isinstance(x, Constant):
        return Constant(np.clip(x.real, low, high).astype(x.array.dtype))
    if not isinstance(x, Codes):
        return _limit(node, x, low, high, layers)
    node.check(x.made is None, "must come at once behind the quantiser")
    grid = x.grid
    low, high = max(low - grid.zero, grid.low), min(high - grid.zero, grid.high)
    node.check(low <= 0 <= high, "must leave the code of zero")
    return Codes(x.source, replace(grid, low=int(low), high=int(high)), x.single and node.single)


def _limit(node: Node, x: Value | None, low: float, high: float, layers: LayerWriter) -> Value:
    """Limit the numbers of a map; if nobody else takes it, those that it is rounded to."""
    alone = isinstance(x, Rounded) and x.single and x.codes.made is None
    if isinstance(x, Rounded) and alone and isinstance(x.codes.source, Sum):
        grid = x.codes.grid
        steps = np.clip(np.array([low, high]) / grid.step, grid.low, grid.high)
        if (abs(steps - np.rint(steps)) < 1e-6).all():
            within = replace(grid, low=round(steps[0]), high=round(steps[1]))
            return Rounded(Codes(x.codes.source, within), node.single)
    if not isinstance(x, Sum):
        x = taken(node, x, layers, padded=True)
        if low <= x.low * x.step and x.high * x.step <= high:
            return x
        node.check(x.padding == NO_PADDING, "must take a map without padding")
        x = unchanged(node.name, x)
    limits = np.clip([x.low, x.high], low, high)
    return replace(x, low=float(limits[0]), high=float(limits[1]))


def max_pool(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Take maxima, of codes, too; zeros around a map do not count if nothing is below zero."""
    window_of = ("kernel_shape", "strides", "pads", "auto_pad", "ceil_mode")
    node.only(*window_of, dilations=(1, 1), storage_order=0)
    (x,) = values
    source = layers.settled(x) if isinstance(x, Codes) else x
    if not isinstance(source, Sum):
        source = taken(node, source, layers, padded=True)
        bare = source.padding == NO_PADDING or source.low >= 0
        node.check(bare, "must take a map without padding")
    found = _pooling(node, source)
    pool = Pool(node.name, found.kernel, found.stride, found.padding)
    shape = (source.shape[0], *found.size)
    if isinstance(source, Sum):
        return replace(source, pools=(*source.pools, pool), shape=shape)
    made = layers.pooled(pool, source.bare, shape)
    return replace(x, made=made) if isinstance(x, Codes) else made


def average_pool(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Average what is under a window; padding counts, or there is none."""
    node.only(
        *("kernel_shape", "strides", "pads", "auto_pad", "count_include_pad"),
        dilations=(1, 1),
        ceil_mode=0,
    )
    x = taken(node, values[0], layers, padded=True)
    found = _pooling(node, x)
    counted = node.attributes.get("count_include_pad", 0) or found.padding == x.padding
    node.check(bool(counted), "must count its padding (count_include_pad = 1), or have none")
    terms = AvgTerms(x.source, found.kernel, found.stride, found.padding)
    return Sum(node.name, terms, (x.shape[0], *found.size))


def global_average_pool(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Average every channel."""
    node.only()
    return _mean(node, taken(node, values[0], layers), flat=False)


def reduce_mean(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Average every channel, if rows and columns are what is averaged."""
    node.only("axes", "keepdims", noop_with_empty_axes=0)
    axes = node.attributes.get("axes", ())
    if len(values) > 1 and isinstance(values[1], Constant):
        axes = tuple(values[1].array.ravel().tolist())
    ok = isinstance(axes, tuple) and sorted(axis % 4 for axis in axes) == [2, 3]
    node.check(ok, f"must average rows and columns, not axes {axes}")
    flat = not node.attributes.get("keepdims", 1)
    return _mean(node, taken(node, values[0], layers), flat=flat)


def _mean(node: Node, x: Map, *, flat: bool) -> Sum:
    node.check(not x.flat, "must take a map (N, C, H, W), not a vector")
    terms = AvgTerms(x.source, x.shape[1:], (1, 1), NO_PADDING)
    return Sum(node.name, terms, (x.shape[0], 1, 1), flat=flat)


def added(node: Node, x: Value | None, y: Value | None, layers: LayerWriter) -> Value:
    """Add two maps."""
    a, b = (taken(node, value, layers) for value in (x, y))
    same = (a.shape, a.flat) == (b.shape, b.flat)
    node.check(same, f"must add maps of one shape, not {a.shape} and {b.shape}")
    return Sum(node.name, AddTerms(a.source, b.source), a.shape, flat=a.flat)


def concat(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Put channels of maps one after the other; or numbers of the file."""
    node.only("axis")
    axis = node.attributes.get("axis")
    if all(isinstance(value, Constant) for value in values):
        arrays = [value.array for value in values if isinstance(value, Constant)]
        return Constant(np.concatenate(arrays, axis))
    maps = tuple(taken(node, value, layers) for value in values)
    first, flat = maps[0], maps[0].flat
    node.check(axis in (1, 1 - (2 if flat else 4)), f"must join channels, axis 1, not {axis}")
    alike = all((m.flat, m.shape[1:]) == (flat, first.shape[1:]) for m in maps)
    node.check(alike, "must join maps of as many rows and columns")
    if len(maps) == 1:
        return first
    shape = (sum(m.shape[0] for m in maps), *first.shape[1:])
    return Together(node.name, maps, shape, flat)


def pad(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Put zeros around a map; they become padding of what takes it."""
    node.only(mode="constant")
    x, pads, fill, axes = [*values, None, None][:4]
    x = taken(node, x, layers, padded=True)
    if not isinstance(pads, Constant) or axes is not None or pads.array.shape != (8,):
        raise node.error("must have fixed padding of all four axes")
    zero = fill is None or (isinstance(fill, Constant | Levels) and not fill.real.any())
    node.check(zero, "must pad with zeros")
    n, c, top, left, n_end, c_end, bottom, right = pads.array.tolist()
    edges = (top, bottom, left, right)
    inside = (n, c, n_end, c_end) == NO_PADDING and min(edges) >= 0 and not x.flat
    node.check(inside, f"must pad rows and columns only, not by {pads.array.tolist()}")
    top, bottom, left, right = (a + b for a, b in zip(x.padding, edges, strict=True))
    return replace(x, padding=(top, bottom, left, right))


def _pooling(node: Node, x: Map | Sum) -> Window:
    node.check("kernel_shape" in node.attributes, "must have a kernel_shape")
    return window(node, x, pair(node, "kernel_shape"))
