"""Graphs as data that JSON can hold, their tensors by key."""

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

import torch

from pruning.graph import Graph, Node, Operation
from pruning.graph_module import GraphModule, compute
from pruning.reals import Clip

_KINDS = {kind.__name__: kind for kind in get_args(Operation)}


def describe(found: Graph) -> dict[str, Any]:
    """Describe nodes and outputs; of tensors, the keys."""
    return {
        "nodes": [_record(node) for node in found.nodes],
        "outputs": [node.name for node in found.outputs],
    }


def _record(node: Node) -> dict[str, Any]:
    fields = {f.name: getattr(node.operation, f.name) for f in dataclasses.fields(node.operation)}
    return {
        "name": node.name,
        "place": node.place,
        "kind": type(node.operation).__name__,
        "inputs": [source.name for source in node.inputs],
        "shape": node.shape,
        "parameters": dict(node.parameters),
        "tensors": {name: node.key(name) for name in node.tensors},
        "values": {name: v for name, v in fields.items() if not isinstance(v, torch.Tensor)},
    }


def rebuild(record: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> Graph:
    """Make the graph that `describe` described.

    Raises
    ------
    ValueError
        If a node is of an unknown kind, comes before what it takes, shares its name, or has a
        tensor that is not there or not its own, or a tensor has no node. It is named.
    """
    nodes: dict[str, Node] = {}
    used: set[str] = set()
    for entry in record["nodes"]:
        name, kind = str(entry["name"]), entry["kind"]
        if kind not in _KINDS:
            raise ValueError(f"layer {name!r} must be one of {', '.join(_KINDS)}, not {kind!r}")
        if name in nodes:
            raise ValueError(f"layer {name!r} must have a name of its own")
        for source in entry["inputs"]:
            if source not in nodes:
                raise ValueError(f"layer {name!r}: its input {source!r} must come before it")
        for key in entry["tensors"].values():
            if key not in tensors:
                raise ValueError(f"tensor {key!r} is missing")
        values = {key: _tuples(value) for key, value in entry["values"].items()}
        if "clip" in values:
            values["clip"] = Clip(*values["clip"])
        values |= {key: tensors[at] for key, at in entry["tensors"].items()}
        used |= set(entry["tensors"].values())
        try:
            operation = _KINDS[kind](**values)
        except TypeError as error:
            raise ValueError(f"layer {name!r}: {error}") from error
        inputs = tuple(nodes[source] for source in entry["inputs"])
        shape, parameters = tuple(entry["shape"]), dict(entry["parameters"])
        node = Node(name, str(entry["place"]), operation, inputs, shape, parameters)
        for field, key in entry["tensors"].items():
            if node.key(field) != key:
                raise ValueError(
                    f"layer {name!r}: {field} must be {node.key(field)!r}, not {key!r}"
                )
        nodes[name] = node
    if unused := tensors.keys() - used:
        raise ValueError(f"tensor {min(unused)!r} has no layer")
    for name in record["outputs"]:
        if name not in nodes:
            raise ValueError(f"output {name!r} must be a layer")
    if not nodes or not record["outputs"]:
        raise ValueError("a model must have layers and an output")
    return Graph(tuple(nodes.values()), tuple(nodes[name] for name in record["outputs"]))


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@torch.no_grad()
def check_shapes(module: GraphModule) -> None:
    """Check that every layer fits what it takes and makes the shape that it says.

    Raises
    ------
    ValueError
        If one does not; it is named.
    """
    first, *nodes = module.structure.nodes
    known = {first: torch.zeros(1, *first.shape, device="meta")}  # shapes alone, no numbers
    tensors = {key: tensor.to("meta") for key, tensor in module.tensors().items()}
    for node in nodes:
        try:
            known |= compute([node], {n: known[n] for n in node.inputs}, [node], tensors)
        except (RuntimeError, TypeError, ValueError, IndexError, KeyError) as error:
            line = str(error).partition("\n")[0]
            shapes = [tuple(known[source].shape[1:]) for source in node.inputs]
            raise ValueError(f"layer {node.name!r} must fit {shapes}: {line}") from error
        if tuple(known[node].shape[1:]) != node.shape:
            raise ValueError(f"layer {node.name!r} must make {node.shape}")
