"""Tracing: the graph of a module, found by running it."""

import dataclasses
import math
from collections import Counter
from typing import Any

import torch
from torch import fx, nn

from pruning.graph import STATISTICS, Graph, Node, Picture
from pruning.real_network import INPUT
from pruning.tracing import recorder
from pruning.tracing.applied import Applied
from pruning.tracing.calls import read
from pruning.tracing.copying import copied
from pruning.unsupported import UnsupportedLayer

_LONGEST = 56  # of an identifier, before a number makes it unique


def trace(module: nn.Module, example: torch.Tensor) -> Graph:
    """Find the graph of a module in evaluation; the module itself stays as it is.

    Parameters
    ----------
    module : nn.Module
        Takes a batch of pictures; returns a tensor, or a tuple, list or dict of them.
    example : (N, C, H, W)
        Pictures; the first is traced.

    Returns
    -------
    Graph
        Tensors in it are float64, and copies of the module's.

    Raises
    ------
    UnsupportedLayer
        If an operation is not supported, or does not fit its input; its place is named, and what
        could replace it.
    ValueError
        If a parameter is not finite, or the example is no batch of pictures.
    """
    if example.ndim != 4 or not example.numel():
        raise ValueError(f"example must have shape (N, C, H, W), not {tuple(example.shape)}")
    module = copied(module).to("cpu", torch.float64).eval().requires_grad_(False)
    # Two pictures show a reshape that mixes them.
    pictures = example[:1].detach().to("cpu", torch.float64).repeat(2, 1, 1, 1)
    with torch.no_grad():
        return _Builder(module).build(recorder.record(module, pictures))


class _Builder:
    """Makes nodes of those of torch.fx."""

    def __init__(self, module: nn.Module) -> None:
        tensors = [*module.named_parameters(), *module.named_buffers()]
        self.keys = {id(tensor): key for key, tensor in tensors}
        self.known: dict[fx.Node, Any] = {}  # a Node for maps, else a value
        self.names = {INPUT}
        self.places: Counter[str] = Counter()
        self.nodes: list[Node] = []

    def build(self, recorded: fx.Graph) -> Graph:
        outputs: dict[Node, torch.Tensor] = {}
        for node in recorded.nodes:
            if node.op == "output":
                outputs = {self._output(n): n.meta["value"][:1] for n in node.all_input_nodes}
                break
            found = self._picture(node) if node.op == "placeholder" else self._read(node)
            if recorder.in_place(node):
                self._overwrite(node.all_input_nodes[0], found)
            self.known[node] = found
        if not outputs:
            raise UnsupportedLayer("the model must return what it computes of its picture")
        return Graph(self._needed(outputs), tuple(outputs), tuple(outputs.values()))

    def _picture(self, node: fx.Node) -> Any:
        value = node.meta["value"]
        if node.args:  # an argument of `forward` that has a default
            return value
        return self._keep(Node(INPUT, INPUT, Picture(), (), tuple(value.shape[1:])))

    def _output(self, source: fx.Node) -> Node:
        found = self.known[source]
        if isinstance(found, Node) and not isinstance(found.operation, Picture):
            return found
        raise UnsupportedLayer("every output of the model must be computed of its picture")

    def _overwrite(self, source: fx.Node, found: Any) -> None:
        """Let whatever names the maps that an operation has overwritten name its result."""
        before, memory = self.known[source], _memory(source)
        for node, value in self.known.items():
            if value is before and _memory(node) == memory:
                self.known[node] = found

    def _read(self, node: fx.Node) -> Any:
        args, kwargs = fx.map_arg((node.args, node.kwargs), lambda n: self.known[n])
        value = node.meta["value"]
        if not any(isinstance(self.known[n], Node) for n in node.all_input_nodes):
            return value
        place = self._place(node)
        try:
            made = read(node, args, kwargs)
        except UnsupportedLayer as error:
            raise UnsupportedLayer(f"layer {place!r}: {error}") from None
        return self._node(place, made, tuple(value.shape)) if isinstance(made, Applied) else made

    def _place(self, node: fx.Node) -> str:
        """Say where a call is; a number follows from the second one on."""
        place = recorder.place_of(node)
        self.places[place] += 1
        return place if self.places[place] == 1 else f"{place} {self.places[place]}"

    def _node(self, place: str, made: Applied, shape: tuple[int, ...]) -> Node:
        names = [item.name for item in dataclasses.fields(made.operation)]
        tensors = {name: getattr(made.operation, name) for name in names}
        tensors = {name: v for name, v in tensors.items() if isinstance(v, torch.Tensor)}
        for name, tensor in tensors.items():
            if not torch.isfinite(tensor).all():
                raise ValueError(f"layer {place!r}: {name} must be finite")
        if not math.prod(shape):
            raise ValueError(f"layer {place!r} must have at least one channel, row and column")
        parameters = {
            key: self.keys[id(t)]
            for key, t in tensors.items()
            if id(t) in self.keys and (isinstance(t, nn.Parameter) or key in STATISTICS)
        }
        name = identifier(place, self.names)
        return self._keep(Node(name, place, made.operation, made.inputs, shape[1:], parameters))

    def _keep(self, node: Node) -> Node:
        self.nodes.append(node)
        return node

    def _needed(self, outputs: dict[Node, torch.Tensor]) -> tuple[Node, ...]:
        needed = set(outputs)
        for node in reversed(self.nodes):
            if node in needed:
                needed.update(node.inputs)
        return tuple(node for node in self.nodes if node in needed)


def identifier(place: str, taken: set[str]) -> str:
    """Make an identifier of a place that is not taken, and take it."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in place.replace(": ", "."))
    plain = plain[-_LONGEST:]
    plain = f"layer{plain}" if plain[:1].isdigit() else plain
    name, count = plain, 1
    while name in taken:
        count += 1
        name = f"{plain}_{count}"
    taken.add(name)
    return name


def _memory(node: fx.Node) -> int | None:
    """Say where the elements of a result are."""
    value = node.meta["value"]
    return value.untyped_storage().data_ptr() if isinstance(value, torch.Tensor) else None
