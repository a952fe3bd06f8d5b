"""Operators of ONNX that change nothing but shapes, and those that make shapes."""

from dataclasses import replace
from typing import Any

import numpy as np

from hw.onnx.file import Node
from hw.onnx.layers import LayerWriter
from hw.onnx.maps import taken
from hw.onnx.values import Codes, Constant, Levels, Picture, Real, Sum, Together, Value

_SAME_BATCH = 0  # of Reshape: as many as there are


def identity(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Pass on; Dropout does so when a model is not trained."""
    if values[0] is None:
        raise node.error("must have an input")
    return values[0]


def constant(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Pass on what the node holds."""
    node.check(len(node.attributes) == 1, "must hold one value")
    ((name, value),) = node.attributes.items()
    kinds = {"value_int": np.int64, "value_ints": np.int64}
    kinds |= {"value_float": np.float32, "value_floats": np.float32}
    node.check(name == "value" or name in kinds, f"must hold numbers, not {name!r}")
    return Constant(value if name == "value" else np.asarray(value, kinds[name]))


def flatten(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Put all pixels of all channels one after the other."""
    node.only("axis")
    axis = node.attributes.get("axis", 1)
    node.check(axis in (1, -3), f"must keep the batch, axis 1, not {axis}")
    return _flat(node, values[0], layers, flat=True)


def reshape(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Flatten a map, or leave it as it is."""
    node.only(allowzero=0)
    x, shape = values
    if not isinstance(shape, Constant):
        raise node.error("must have a fixed shape")
    wanted = tuple(shape.array.astype(np.int64).ravel().tolist())
    if isinstance(x, Constant):
        node.check(0 not in wanted, "must give all sizes")
        try:
            return Constant(x.array.reshape(wanted))
        except ValueError as error:
            raise node.error(f"must fit {x.array.shape}, not {wanted}") from error
    before = _shape(node, x)
    sizes = tuple(b if w == 0 else w for w, b in zip(wanted, (0, *before), strict=False))
    sizes += wanted[len(sizes) :]
    pixels = int(np.prod(before))
    rest = sizes[1:]
    if -1 in rest and wanted[0] != -1:
        known = int(np.prod([size for size in rest if size != -1]))
        rest = tuple(pixels // max(known, 1) if size == -1 else size for size in rest)
    node.check(
        rest in ((pixels,), before), f"must flatten {before}, or keep it, not make it {rest}"
    )
    return _flat(node, x, layers, flat=rest == (pixels,) and len(rest) == 1)


def squeeze(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Drop rows and columns where there is one of each."""
    node.only("axes")
    axes = node.attributes.get("axes", ())
    if len(values) > 1 and isinstance(values[1], Constant):
        axes = tuple(values[1].array.ravel().tolist())
    x = values[0]
    if isinstance(x, Constant):
        return Constant(x.array.reshape([n for n in x.array.shape if n != 1]))
    ok = _shape(node, x)[1:] == (1, 1) and sorted(axis % 4 for axis in axes) == [2, 3]
    node.check(ok, "must drop one row and one column")
    return _flat(node, x, layers, flat=True)


def transpose(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Exchange axes of numbers of the file."""
    node.only("perm")
    (x,) = values
    if not isinstance(x, Constant | Levels):
        raise node.error("must take fixed numbers; maps must stay (N, C, H, W)")
    axes = x.array.ndim if isinstance(x, Constant) else x.codes.ndim
    order = node.attributes.get("perm", tuple(reversed(range(axes))))
    ok = isinstance(order, tuple) and sorted(order) == list(range(axes))
    node.check(ok, f"must have an order of {axes} axes, not {order!r}")
    return Constant(x.array.transpose(order)) if isinstance(x, Constant) else x.transposed(order)


def shape_of(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Shape of a map, in which the batch is what Reshape takes for that of its input."""
    node.only(start=0)
    return Constant(np.array([_SAME_BATCH, *_shape(node, values[0])]))


def gather(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Pick sizes of a shape."""
    node.only(axis=0)
    x, index = values
    if not isinstance(x, Constant) or not isinstance(index, Constant):
        raise node.error("must take fixed numbers")
    places, size = index.array, len(x.array) if x.array.ndim else 0
    ok = places.dtype.kind in "iu" and bool(((-size <= places) & (places < size)).all())
    node.check(ok, f"must pick from {size} numbers")
    return Constant(np.asarray(x.array[places]))


def unsqueeze(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Make a shape of a size."""
    node.only("axes")
    axes = node.attributes.get("axes", ())
    if len(values) > 1 and isinstance(values[1], Constant):
        axes = tuple(values[1].array.ravel().tolist())
    x = values[0]
    ok = isinstance(x, Constant) and x.array.ndim == 0 and axes in ((0,), (-1,))
    if not isinstance(x, Constant) or not ok:
        raise node.error("must take one fixed number")
    return Constant(x.array.reshape(1))


def _shape(node: Node, x: Value | None) -> tuple[int, ...]:
    """Shape of a map without the batch, as the model has it."""
    if not isinstance(x, Codes | Real):
        raise node.error("must take a map")
    return (int(np.prod(x.shape)),) if x.flat else x.shape


def _flat(node: Node, x: Any, layers: LayerWriter, *, flat: bool) -> Value:
    """Say that a map is a vector, or that it is not."""
    if isinstance(x, Codes):
        made = replace(taken(node, layers.settled(x), layers), flat=flat)
        return replace(x, made=made)
    if isinstance(x, Sum | Together | Picture):
        return replace(x, flat=flat)
    return replace(taken(node, x, layers), flat=flat)
