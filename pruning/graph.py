"""A model as a graph: what every operation is, where it is, and the shape of its result."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from pruning.reals import Clip, Edges, Pair


@dataclass(frozen=True)
class Picture:
    """What enters the model."""


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution; padding is (top, bottom, left, right)."""

    weight: torch.Tensor  # (O, C // groups, Kh, Kw)
    bias: torch.Tensor | None = None
    stride: Pair = (1, 1)
    padding: Edges = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer, on what has been flattened."""

    weight: torch.Tensor  # (O, F)
    bias: torch.Tensor | None = None


@dataclass(frozen=True, eq=False)
class Norm:
    """Batch normalisation in evaluation."""

    mean: torch.Tensor
    variance: torch.Tensor
    weight: torch.Tensor | None = None
    bias: torch.Tensor | None = None
    epsilon: float = 1e-5

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
class Pad:
    """Zeros around maps: rows and columns, and whole channels before and behind."""

    edges: Edges
    channels: Pair = (0, 0)


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
        For fields of the operation, the key in the model's state dict.
    """

    name: str
    place: str
    operation: Operation
    inputs: tuple["Node", ...]
    shape: tuple[int, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)


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
        What the model returned for the example (1, ...), one for each output.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[Node, ...]
    results: tuple[torch.Tensor, ...] = field(repr=False)

    def __post_init__(self) -> None:
        readers: dict[Node, list[Node]] = {node: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inputs:
                readers[source].append(node)
        object.__setattr__(self, "readers", {node: tuple(r) for node, r in readers.items()})

    readers: Mapping[Node, tuple[Node, ...]] = field(init=False, repr=False)

    def feeds_one(self, node: Node) -> bool:
        """Whether one operation takes a result, once, and nothing else sees it."""
        return len(self.readers[node]) == 1 and node not in self.outputs
