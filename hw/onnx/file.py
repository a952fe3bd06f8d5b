"""Reads an ONNX file, and refuses what is damaged or of a kind that cannot be imported."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, ValueInfoProto

MAX_FILE_BYTES = 1 << 30
OPSETS = range(11, 26)
QONNX = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
CONTRIBUTED = "com.microsoft"  # QuantizeLinear of 4 and 16 bits, before opset 21
DOMAINS = ("", "ai.onnx", CONTRIBUTED, *QONNX)


class UnsupportedNode(ValueError):
    """An operator that cannot be imported; the message names it."""


@dataclass(frozen=True, eq=False)
class Node:
    """An operator of a graph.

    Parameters
    ----------
    name : str
        Its own, or else that of its first result.
    operator, domain : str
    inputs, outputs : tuple of str
        Names of tensors; an input that is left out has an empty one.
    attributes : dict
    single : bool
        Whether one operator alone takes its first result.
    """

    name: str
    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(repr=False)
    single: bool = False

    def error(self, sentence: str) -> UnsupportedNode:
        """Make the error that says what is wrong with this node."""
        return UnsupportedNode(f"node {self.name!r} ({self.operator}) {sentence}")

    def check(self, condition: bool, sentence: str) -> None:
        """Raise UnsupportedNode if a condition does not hold."""
        if not condition:
            raise self.error(sentence)

    def only(self, *names: str, **values: Any) -> None:
        """Check that it has no attributes but some names, or others at their only value."""
        for name, value in self.attributes.items():
            if name not in names:
                self.check(name in values, f"has an unknown attribute {name!r}")
                wanted = values[name]
                self.check(value == wanted, f"must have {name} = {wanted!r}, not {value!r}")

    def numbers(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Attribute that is a list of as many whole numbers as its default."""
        found = self.attributes.get(name, default)
        whole = isinstance(found, tuple) and all(isinstance(n, int) for n in found)
        fits = whole and len(found) == len(default)
        self.check(fits, f"must have {len(default)} numbers as {name}, not {found!r}")
        return found


@dataclass(frozen=True, eq=False)
class Graph:
    """Operators in an order in which they can be computed.

    Parameters
    ----------
    name : str
    picture : str
        Name of the tensor that enters.
    shape : tuple of int
        Its shape without the batch: (C, H, W) or (C,).
    outputs : tuple of str
    nodes : tuple of Node
        Only those that the outputs need.
    constants : dict of str to array
    """

    name: str
    picture: str
    shape: tuple[int, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray]


def read_graph(path: str | os.PathLike) -> Graph:
    """Read a file.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is damaged, too large, of an unknown opset, or has not one input of a known shape.
    """
    path = Path(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"must have at most {MAX_FILE_BYTES} bytes")
    try:
        model = ModelProto.FromString(path.read_bytes())
        _check_kind(model)
        onnx.checker.check_model(model)
    except DecodeError as error:
        raise ValueError("is not an ONNX file, or damaged") from error
    except onnx.checker.ValidationError as error:
        raise ValueError(f"is not a valid ONNX file: {str(error).strip()}") from error
    return _graph(model)


def _check_kind(model: ModelProto) -> None:
    """Refuse models whose opsets or parts are unknown, before anything is made of them."""
    names = [value.name for value in (*model.graph.input, *model.graph.output)]
    names += [tensor.name for tensor in model.graph.initializer]
    for node in model.graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    if not all(isinstance(name, str) for name in names):  # bytes, where they are no UTF-8
        raise ValueError("is not an ONNX file, or damaged: a name is no text")
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if not opsets or not model.graph.node:
        raise ValueError("is not an ONNX file: it has no operators")
    opset = opsets.get("", opsets.get("ai.onnx"))
    if opset not in OPSETS:
        raise ValueError(f"must have an opset from {OPSETS[0]} to {OPSETS[-1]}, not {opset}")
    if model.functions or model.graph.sparse_initializer:
        raise ValueError("must have no functions of its own and no sparse tensors")
    for tensor in _tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise ValueError(f"must hold all data itself, but that of {tensor.name!r} is external")


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    """Every tensor that a graph holds."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t


def _graph(model: ModelProto) -> Graph:
    graph = model.graph
    constants = {tensor.name: _array(tensor) for tensor in graph.initializer}
    pictures = [value for value in graph.input if value.name not in constants]
    if len(pictures) != 1:
        raise ValueError(f"must have one input, not {[value.name for value in pictures]!r}")
    outputs = tuple(value.name for value in graph.output)
    readers, nodes = Counter(dict.fromkeys(outputs, 2)), []  # who takes an output is unknown
    for node in reversed(graph.node):
        if any(readers[name] for name in node.output):
            readers.update(filter(None, node.input))
            nodes.append(_node(node, readers[node.output[0]] == 1))
    (picture,) = pictures
    return Graph(
        graph.name, picture.name, _shape(picture), outputs, tuple(reversed(nodes)), constants
    )


def _shape(picture: ValueInfoProto) -> tuple[int, ...]:
    dims = picture.type.tensor_type.shape.dim
    shape = tuple(dim.dim_value for dim in dims[1:])
    if len(shape) not in (1, 3) or min(shape) < 1:
        shown = [dim.dim_value or dim.dim_param or "?" for dim in dims]
        raise ValueError(
            f"input {picture.name!r} must have a shape (N, C, H, W) or (N, C), known but for N, "
            f"not {shown}"
        )
    return shape


def _node(node: onnx.NodeProto, single: bool) -> Node:
    name = node.name or (node.output[0] if node.output else "")
    made = Node(name, node.op_type, node.domain, tuple(node.input), tuple(node.output), {}, single)
    made.check(node.domain in DOMAINS, f"is of the domain {node.domain!r}, which is unknown")
    for attribute in node.attribute:
        made.attributes[attribute.name] = _attribute(made, attribute)
    return made


def _attribute(node: Node, attribute: AttributeProto) -> Any:
    if attribute.type == AttributeProto.TENSOR:
        return _array(attribute.t)
    if attribute.type in (AttributeProto.GRAPH, AttributeProto.GRAPHS):
        raise node.error("is not supported: it holds a graph")
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, int | float | str) else tuple(value)


def _array(tensor: TensorProto) -> np.ndarray:
    """Numbers of a tensor, in its own type."""
    try:
        array = np.asarray(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"tensor {tensor.name!r} is damaged: {error}") from error
    if array.dtype.kind not in "iufb" and not array.dtype.name.strip("u").startswith("int"):
        raise ValueError(f"tensor {tensor.name!r} must hold numbers, not {array.dtype.name}")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"tensor {tensor.name!r} must hold numbers only")
    return array
