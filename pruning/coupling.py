"""Coupling: which channels of a graph live and die together."""

from functools import cached_property

import numpy as np

from pruning import graph
from pruning.graph import Graph, Node


class Coupling:
    """Channels of every result of a graph, as numbers that coupled channels share.

    What an add joins is coupled, and so are what a depthwise convolution reads and makes, a map
    and its flattened pixels, and what operations read and make that share a tensor. In a grouped
    convolution, channels at the same place of every group are coupled, so that groups stay of one
    size.

    Parameters
    ----------
    found : Graph

    Raises
    ------
    ValueError
        If layers share weights and read different numbers of channels; one is named.
    """

    def __init__(self, found: Graph) -> None:
        self.graph = found
        self._parent: list[int] = []
        self._read: dict[str, np.ndarray] = {}  # by the key of a weight
        self._made: dict[str, np.ndarray] = {}  # by the key of a tensor
        self._maps: dict[Node, np.ndarray] = {}
        for node in found.nodes:
            self._maps[node] = self._result(node)
            self._share(node)

    @cached_property
    def maps(self) -> dict[Node, np.ndarray]:
        """For every result, the number of each channel, or of each element once flattened."""
        return {node: self._roots(numbers) for node, numbers in self._maps.items()}

    @cached_property
    def fixed(self) -> frozenset[int]:
        """Channels that cannot be removed: of the picture, of the outputs, and lone zeros."""
        makers = [node for node in self.graph.nodes if makes(node)]
        made = {number for node in makers for number in self.maps[node].tolist()}
        every = {number for numbers in self.maps.values() for number in numbers.tolist()}
        ends = (self.graph.nodes[0], *self.graph.outputs)
        return frozenset(every - made | {n for node in ends for n in self.maps[node].tolist()})

    def groups(self) -> dict[tuple[Node, ...], np.ndarray]:
        """Channels that can be removed, by the layers that make them; each in ascending order."""
        makers: dict[int, list[Node]] = {}
        for node in self.graph.nodes:
            if makes(node):
                for number in dict.fromkeys(self.maps[node].tolist()):
                    makers.setdefault(number, []).append(node)
        groups: dict[tuple[Node, ...], list[int]] = {}
        for number, nodes in makers.items():
            if number not in self.fixed:
                groups.setdefault(tuple(nodes), []).append(number)
        return {nodes: np.array(numbers) for nodes, numbers in groups.items()}

    def _result(self, node: Node) -> np.ndarray:
        inputs = [self._maps[source] for source in node.inputs]
        match node.operation:
            case graph.Picture():
                return self._new(node.shape[0])
            case graph.Convolution(groups=groups) if groups > 1:
                return self._grouped(node, inputs[0], groups)
            case graph.Convolution() | graph.Linear() as layer:
                return self._new(len(layer.weight))
            case graph.Pad(channels=channels) if channels:
                taken = np.array(channels)
                return np.where(taken < 0, self._new(len(taken)), inputs[0][taken])
            case graph.Add():
                return self._joined(*inputs)
            case graph.Concat():
                return np.concatenate(inputs)
            case graph.Flatten():
                return np.repeat(inputs[0], node.shape[0] // len(inputs[0]))
        return inputs[0]

    def _grouped(self, node: Node, source: np.ndarray, groups: int) -> np.ndarray:
        each = node.shape[0] // groups
        if len(source) == groups:
            return np.repeat(source, each)
        for numbers in source.reshape(groups, -1):
            self._joined(source[: len(numbers)], numbers)
        return np.tile(self._new(each), groups)

    def _share(self, node: Node) -> None:
        """Couple an operation with others of the same tensors, which are cut alike."""
        for name in node.tensors:
            result = self._maps[node]
            self._joined(self._made.setdefault(node.key(name), result), result)
        if makes(node):
            source = self._maps[node.inputs[0]]
            first = self._read.setdefault(node.key("weight"), source)
            if len(first) != len(source):
                raise ValueError(
                    f"layer {node.place!r} must read {len(first)} channels, as the one that shares "
                    f"its weights, not {len(source)}"
                )
            self._joined(first, source)

    def _new(self, count: int) -> np.ndarray:
        self._parent += range(len(self._parent), len(self._parent) + count)
        return np.arange(len(self._parent) - count, len(self._parent))

    def _joined(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        for a, b in zip(self._roots(first).tolist(), self._roots(second).tolist(), strict=True):
            a, b = self._root(a), self._root(b)
            self._parent[max(a, b)] = min(a, b)
        return first

    def _roots(self, numbers: np.ndarray) -> np.ndarray:
        return np.array([self._root(number) for number in numbers.tolist()])

    def _root(self, number: int) -> int:
        while self._parent[number] != number:
            self._parent[number] = self._parent[self._parent[number]]
            number = self._parent[number]
        return number


def makes(node: Node) -> bool:
    """Whether a node has weights that make channels."""
    return isinstance(node.operation, graph.Convolution | graph.Linear)


def mixes(node: Node) -> bool:
    """Whether every result of a node depends on several channels: no depthwise convolution."""
    op = node.operation
    if isinstance(op, graph.Convolution):
        return op.groups == 1 or op.weight.shape[1] > 1
    return isinstance(op, graph.Linear)


def read_by(node: Node, source: np.ndarray) -> np.ndarray:
    """Numbers of the channels that every weight of a node meets, in the shape of its weight.

    Parameters
    ----------
    node : Node
        A convolution or linear layer.
    source : (C,) or (F,) int
        Numbers of what it reads.
    """
    op = node.layer
    groups = op.groups if isinstance(op, graph.Convolution) else 1
    numbers = np.repeat(source.reshape(groups, -1), len(op.weight) // groups, axis=0)
    spread = numbers.reshape(*numbers.shape, *[1] * (op.weight.ndim - 2))
    return np.broadcast_to(spread, tuple(op.weight.shape))


def made_by(node: Node, result: np.ndarray) -> np.ndarray:
    """Numbers of the channels that every weight of a node makes, in the shape of its weight."""
    first, *rest = node.layer.weight.shape
    return np.broadcast_to(result.reshape(first, *[1] * len(rest)), (first, *rest))
