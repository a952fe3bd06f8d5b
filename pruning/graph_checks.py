"""Checks of a graph that was read: every operation has what it must, and fits what it takes."""

import dataclasses
import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch

from hw.layers import GRANULARITIES
from pruning import graph
from pruning.graph import Graph, Node

MAX_ELEMENTS = 1 << 28  # of one result
MAX_EDGE = 1 << 12
MAX_REAL = 1e38  # as float32 holds


def check(found: Graph) -> None:
    """Check a graph's nodes, one by one, by the shapes that they say they have.

    Raises
    ------
    ValueError
        If a number is out of range or of another type, a tensor has another shape or type, or a
        node has too many inputs, or leads to no output. It is named.
    """
    needed = set(found.outputs)
    if len(needed) < len(found.outputs):
        raise ValueError("outputs must differ")
    for node in found.nodes:
        _check_inputs(node, node is found.nodes[0])
        _check_fields(node)
        _check_tensors(node)
        _check_shape(node)
    for node in reversed(found.nodes):
        _expect(node, node in needed, "must lead to an output")
        needed.update(node.inputs)


def _expect(node: Node, right: bool, sentence: str) -> None:
    if not right:
        between = "" if sentence.startswith(":") else " "
        raise ValueError(f"layer {node.name!r}{between}{sentence}")


def _check_inputs(node: Node, first: bool) -> None:
    is_picture, count = isinstance(node.operation, graph.Picture), len(node.inputs)
    _expect(node, is_picture == first, "must be the picture" if first else "must not be a picture")
    if isinstance(node.operation, graph.Concat):
        _expect(node, count >= 2, f"must have two inputs or more, not {count}")
    else:
        wanted = 0 if first else 2 if isinstance(node.operation, graph.Add) else 1
        _expect(node, count == wanted, f"must have {wanted} inputs, not {count}")


# Fields that are no tensors: what they must be, and whether they are


def _integer(value: Any, low: int, high: float = math.inf) -> bool:
    return type(value) is int and low <= value <= high


def _integers(value: Any, count: int | None, low: int, high: float = math.inf) -> bool:
    counted = isinstance(value, tuple) and len(value) == (len(value) if count is None else count)
    return counted and all(_integer(number, low, high) for number in value)


def _real(value: Any, low: float, high: float = MAX_REAL) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _limits(value: Any) -> bool:
    ends = [end for end in value if end is not None]
    return all(_real(end, -MAX_REAL) for end in ends) and ends == sorted(ends)


_PAIR = ("two positive numbers", lambda value: _integers(value, 2, 1))
_EDGES = (f"four numbers, 0 to {MAX_EDGE}", lambda value: _integers(value, 4, 0, MAX_EDGE))
_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("stride", "dilation", "kernel"), _PAIR),
    **dict.fromkeys(("padding", "edges"), _EDGES),
    "groups": ("a positive number", lambda value: _integer(value, 1)),
    "channels": ("numbers", lambda value: _integers(value, None, -1)),
    "granularity": (f"one of {', '.join(GRANULARITIES)}", lambda value: value in GRANULARITIES),
    "clip": ("two limits that ascend", _limits),
    "epsilon": ("at least 0", lambda value: _real(value, 0)),
    "momentum": ("0 to 1", lambda value: value is None or _real(value, 0, 1)),
    "rate": ("0 to 1", lambda value: _real(value, 0, 1)),
    "maps": ("true or false", lambda value: isinstance(value, bool)),
}


def _check_fields(node: Node) -> None:
    for field in dataclasses.fields(node.operation):
        value = getattr(node.operation, field.name)
        if field.name in _FIELDS:
            words, right = _FIELDS[field.name]
            _expect(node, right(value), f": {field.name} must be {words}, not {value!r}")
        elif not isinstance(value, torch.Tensor):
            optional = value is None and field.default is None
            _expect(node, optional, f": {field.name} must be a tensor, not {value!r}")


def _check_tensors(node: Node) -> None:
    if not node.inputs:
        return
    op, taken = node.operation, node.inputs[0].shape
    shapes: dict[str, tuple[int, ...]] = {}
    if isinstance(op, graph.Convolution):
        _expect(node, op.weight.ndim == 4, f": weight must have 4 axes, not {op.weight.ndim}")
        outputs, _, *kernel = op.weight.shape
        divides = outputs % op.groups == 0 == taken[0] % op.groups
        _expect(node, divides, f": groups must divide {outputs} and {taken[0]}, not be {op.groups}")
        shapes["weight"] = (outputs, taken[0] // op.groups, *kernel)
    elif isinstance(op, graph.Linear):
        shapes["weight"] = (len(op.weight), math.prod(taken))
    if isinstance(op, graph.Convolution | graph.Linear):
        shapes["mask"], shapes["bias"] = shapes["weight"], shapes["weight"][:1]
        ascend = all(a < b for a, b in pairwise((-1, *op.channels)))
        fit = len(op.channels) in (0, len(op.weight))
        _expect(node, ascend and fit, f": channels must ascend, one for each of {len(op.weight)}")
    for name, tensor in node.tensors.items():
        shape, kind = shapes.get(name, taken[:1]), torch.bool if name == "mask" else torch.float32
        said = f": {name} must be {kind} {shape}, not {tensor.dtype} {tuple(tensor.shape)}"
        _expect(node, tuple(tensor.shape) == shape and tensor.dtype == kind, said)
    if isinstance(op, graph.Norm):
        _expect(node, bool((op.variance + op.epsilon > 0).all()), ": variance must be positive")


def _check_shape(node: Node) -> None:
    op, shape = node.operation, node.shape
    right = len(shape) in (1, 3) and _integers(shape, None, 1)
    _expect(node, right and math.prod(shape) <= MAX_ELEMENTS, f"must not make {shape}")
    flat = isinstance(op, graph.Flatten | graph.Linear)
    _expect(node, len(shape) == (1 if flat else len(shape)), f"must make one row, not {shape}")
    if not node.inputs:
        _expect(node, len(shape) == 3, f"must be (C, H, W), not {shape}")
        return
    taken = [source.shape for source in node.inputs]
    channels = taken[0][0]
    if isinstance(op, graph.Convolution | graph.Linear):
        channels = len(op.weight)
    elif isinstance(op, graph.Pad) and op.channels:
        _expect(node, max(op.channels) < channels, f": channels must be below {channels}")
        channels = len(op.channels)
    elif isinstance(op, graph.Concat):
        channels = sum(each[0] for each in taken)
    elif isinstance(op, graph.Flatten):
        channels = math.prod(taken[0])
    elif isinstance(op, graph.Add):
        same = {(*each, 1, 1)[:3] for each in taken}
        _expect(node, len(same) == 1, f"must add maps of one shape, not {taken}")
    _expect(node, shape[0] == channels, f"must make {channels} channels, not {shape[0]}")
