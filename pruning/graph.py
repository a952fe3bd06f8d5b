"""A model as a graph: what every operation is, where it is, and the shape of its result."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace

import torch

from pruning.reals import Clip, Edges, Pair

STATISTICS = ("mean", "variance")  # tensors of a `Norm` that training measures and does not learn


@dataclass(frozen=True)
class Picture:
    """What enters the model."""


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution.

    Parameters
    ----------
    weight : (O, C // groups, Kh, Kw)
    bias : (O,), optional
    stride, dilation : (vertical, horizontal)
    padding : (top, bottom, left, right)
    groups : int
    mask : bool, shape of the weight, optional
        Surviving weights. Default: all.
    channels : (O,) int
        Index, before pruning, of every output; empty if none was removed.
    granularity : str
        What was pruned, one of `hw.layers.GRANULARITIES`.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    stride: Pair = (1, 1)
    padding: Edges = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    mask: torch.Tensor | None = None
    channels: tuple[int, ...] = ()
    granularity: str = "dense"


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer, on what has been flattened.

    Parameters
    ----------
    weight : (O, F)
    bias : (O,), optional
    mask, channels, granularity
        As a `Convolution`'s.
    """

    weight: torch.Tensor
    bias: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    channels: tuple[int, ...] = ()
    granularity: str = "dense"


@dataclass(frozen=True, eq=False)
class Norm:
    """Batch normalisation; `momentum` is the weight of a batch in the running statistics."""

    mean: torch.Tensor
    variance: torch.Tensor
    weight: torch.Tensor | None = None
    bias: torch.Tensor | None = None
    epsilon: float = 1e-5
    momentum: float | None = 0.1

    @property
    def affine(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Factor and addend of every channel."""
        gain = (self.variance + self.epsilon).rsqrt()
        gain = gain if self.weight is None else gain * self.weight
        return gain, (0 if self.bias is None else self.bias) - self.mean * gain


@dataclass(frozen=True, eq=False)
class Scale:
    """A factor and an addend of every channel that the model's own code applies."""

    gain: torch.Tensor
    offset: torch.Tensor

    @property
    def affine(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Factor and addend of every channel."""
        return self.gain, self.offset


@dataclass(frozen=True)
class Activation:
    """Limits of every element: ReLU, ReLU6 and the like."""

    clip: Clip


@dataclass(frozen=True)
class MaxPool:
    """Max pooling; pixels outside the picture do not count."""

    kernel: Pair
    stride: Pair
    padding: Edges = (0, 0, 0, 0)


@dataclass(frozen=True)
class AvgPool:
    """Average pooling; pixels outside the picture count as zero."""

    kernel: Pair
    stride: Pair
    padding: Edges = (0, 0, 0, 0)


@dataclass(frozen=True)
class Dropout:
    """Zeros at random in training, whole maps of them or single elements; else nothing."""

    rate: float
    maps: bool = False


@dataclass(frozen=True)
class Pad:
    """Zeros around maps, and whole channels of them.

    Parameters
    ----------
    edges : (top, bottom, left, right)
    channels : tuple of int
        Channel that each one of the result is, -1 for zeros; empty for all as they are.
    """

    edges: Edges
    channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class Subsample:
    """Every so many rows and columns, the first ones included."""

    stride: Pair


@dataclass(frozen=True)
class Add:
    """The sum of two maps."""


@dataclass(frozen=True)
class Concat:
    """Channels of several maps one after the other."""


@dataclass(frozen=True)
class Flatten:
    """All elements of a picture's maps in a row: channels, then rows, then columns."""


Operation = (
    Picture
    | Convolution
    | Linear
    | Norm
    | Scale
    | Activation
    | MaxPool
    | AvgPool
    | Dropout
    | Pad
    | Subsample
    | Add
    | Concat
    | Flatten
)


@dataclass(frozen=True, eq=False)
class Node:
    """An operation of a model and its result.

    Parameters
    ----------
    name : str
        Identifier made of the place; unique.
    place : str
        Path of the module, or of the module that calls a function, a colon and the function:
        ``layer2.0.conv1``, ``layer2.0: add``.
    operation : Operation
    inputs : tuple of Node
    shape : tuple of int
        Of the result, without the axis of pictures: (C, H, W), or (F,) once flattened.
    parameters : dict of str to str
        For tensors of the operation, the key in the model's state dict, where they are parameters
        or running statistics.
    """

    name: str
    place: str
    operation: Operation
    inputs: tuple["Node", ...]
    shape: tuple[int, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        """Tensors of the operation by field."""
        values = {f.name: getattr(self.operation, f.name) for f in fields(self.operation)}
        return {name: v for name, v in values.items() if isinstance(v, torch.Tensor)}

    @property
    def layer(self) -> Convolution | Linear:
        """The operation, of a node that has weights."""
        if not isinstance(self.operation, Convolution | Linear):
            raise TypeError(f"layer {self.place!r} must have weights")
        return self.operation

    def key(self, name: str) -> str:
        """Name of a tensor of the operation that none of another one has, unless it is shared."""
        return self.parameters.get(name, f"{self.name}:{name}")


@dataclass(frozen=True, eq=False)
class Graph:
    """A model's operations in topological order.

    Parameters
    ----------
    nodes : tuple of Node
        Those that an output needs; every node's inputs come before it.
    outputs : tuple of Node
        In the order in which the model returns them.
    results : tuple of tensor
        What the model returned for the example (1, ...), one for each output; empty if the graph
        was not found by running a model.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[Node, ...]
    results: tuple[torch.Tensor, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        readers: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inputs:
                readers[source].append(node)
        object.__setattr__(self, "readers", {node: tuple(r) for node, r in readers.items()})

    readers: Mapping[Node, tuple[Node, ...]] = field(init=False, repr=False)

    def with_tensors(self, tensor: Callable[[Node, str], torch.Tensor]) -> "Graph":
        """Copy the graph with other tensors: what a function makes of a node and a field."""

        def operation(node: Node) -> Operation:
            return replace(node.operation, **{name: tensor(node, name) for name in node.tensors})

        return self.changed(operation)

    def feeds_one(self, node: Node) -> bool:
        """Whether one operation takes a result, once, and nothing else sees it."""
        return len(self.readers[node]) == 1 and node not in self.outputs

    def changed(
        self,
        operation: Callable[[Node], Operation],
        shape: Callable[[Node], tuple[int, ...]] = lambda node: node.shape,
    ) -> "Graph":
        """Copy the graph with other operations, and shapes of their results."""
        made: dict[Node, Node] = {}
        for node in self.nodes:
            inputs = tuple(made[source] for source in node.inputs)
            new = {"operation": operation(node), "inputs": inputs, "shape": shape(node)}
            made[node] = replace(node, **new)
        return Graph(tuple(made.values()), tuple(made[node] for node in self.outputs))
