"""A network of real numbers: what an import makes of a model, and quantisation makes integer.

Layers are those of `hw.layers`, before they have scales: batch normalisation is folded into
convolutions, a linear layer is a convolution whose kernel is the whole map, and an activation
belongs to the layer before it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from pruning.data import Pixels

Pair = tuple[int, int]
Edges = tuple[int, int, int, int]
INPUT = "input"  # name of the picture


@dataclass(frozen=True)
class Clip:
    """Limits of an activation; None for none: ``Clip(0)`` is a ReLU, ``Clip(0, 6)`` a ReLU6."""

    low: float | None = None
    high: float | None = None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Limit numbers."""
        return x if self == Clip() else x.clamp(self.low, self.high)


@dataclass(frozen=True, eq=False)
class RealConv:
    """A convolution or linear layer.

    Parameters
    ----------
    name, source : str
        Identifier of this layer and of the layer that feeds it.
    weight : (O, C // groups, Kh, Kw) float64
        Kernels; zero wherever `mask` is false.
    bias : (O,) float64
    stride, dilation : (vertical, horizontal)
    padding : (top, bottom, left, right)
    groups : int
    clip : Clip
    mask : (O, C // groups, Kh, Kw) bool, optional
        Surviving weights. Default: all.
    channels : (O,) int
        Index, before pruning, of every output. Default: ``0 .. O - 1``.
    granularity : str
        What was pruned, one of `hw.layers.GRANULARITIES`.
    place : str
        Where it is in the model, for people.
    """

    name: str
    source: str
    weight: np.ndarray
    bias: np.ndarray
    stride: Pair = (1, 1)
    padding: Edges = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    clip: Clip = Clip()
    mask: np.ndarray | None = None
    channels: tuple[int, ...] = ()
    granularity: str = "dense"
    place: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return (self.source,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve maps (N, C, H, W)."""
        weight, bias = (torch.as_tensor(v, dtype=x.dtype) for v in (self.weight, self.bias))
        args = (bias, self.stride, 0, self.dilation, self.groups)
        return self.clip(functional.conv2d(padded(x, self.padding), weight, *args))


@dataclass(frozen=True)
class RealMaxPool:
    """Max pooling; pixels outside the picture do not count."""

    name: str
    source: str
    kernel: Pair
    stride: Pair
    padding: Edges = (0, 0, 0, 0)
    place: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return (self.source,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool maps (N, C, H, W)."""
        return functional.max_pool2d(padded(x, self.padding, -np.inf), self.kernel, self.stride)


@dataclass(frozen=True)
class RealAvgPool:
    """Average pooling; pixels outside the picture count as zero."""

    name: str
    source: str
    kernel: Pair
    stride: Pair
    padding: Edges = (0, 0, 0, 0)
    clip: Clip = Clip()
    place: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return (self.source,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool maps (N, C, H, W)."""
        return self.clip(functional.avg_pool2d(padded(x, self.padding), self.kernel, self.stride))


@dataclass(frozen=True)
class RealAdd:
    """A residual add.

    Parameters
    ----------
    sources : (str, str)
        The layers that produce ``a`` and ``b``.
    stride : (vertical, horizontal)
        Of ``b``, every so many rows and columns count.
    channels : (C,) int, optional
        Channel of ``b`` that is added to each of ``a``, -1 for none (an option-A shortcut).
        Default: the same channel.
    """

    name: str
    sources: tuple[str, str]
    clip: Clip = Clip()
    stride: Pair = (1, 1)
    channels: tuple[int, ...] = ()
    place: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return self.sources

    def taken(self, b: torch.Tensor) -> torch.Tensor:
        """Take the pixels and channels of ``b`` that are added to ``a``."""
        b = b[:, :, :: self.stride[0], :: self.stride[1]]
        if not self.channels:
            return b
        taken = torch.tensor(self.channels)
        return b[:, taken] * (taken >= 0)[:, None, None]

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """Add two maps (N, C, H, W)."""
        return self.clip(a + self.taken(b))


@dataclass(frozen=True)
class RealConcat:
    """Channels of several maps one after the other."""

    name: str
    sources: tuple[str, ...]
    place: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return self.sources

    def forward(self, *maps: torch.Tensor) -> torch.Tensor:
        """Concatenate maps (N, C, H, W)."""
        return torch.cat(maps, 1)


RealLayer = RealConv | RealMaxPool | RealAvgPool | RealAdd | RealConcat


@dataclass(frozen=True, eq=False)
class RealNetwork:
    """Layers in topological order, behind the picture, whose name is `INPUT`.

    Parameters
    ----------
    pixels : Pixels
        How the elements of a picture become the numbers that the first layers take.
    layers : sequence of RealLayer
        Every layer's inputs come before it.
    outputs : tuple of str, optional
        Names of the layers whose results leave. Default: the last layer.
    """

    pixels: Pixels
    layers: tuple[RealLayer, ...]
    outputs: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "outputs", tuple(self.outputs) or (self.layers[-1].name,))

    def results(self, x: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """Compute every layer of normalised pictures (N, C, H, W), in their order.

        A result is dropped as soon as no later layer takes it.
        """
        last = {name: at for at, layer in enumerate(self.layers) for name in layer.inputs}
        known = {INPUT: x}
        for at, layer in enumerate(self.layers):
            known[layer.name] = layer.forward(*(known[name] for name in layer.inputs))
            yield layer.name, known[layer.name]
            known = {name: y for name, y in known.items() if last.get(name, -1) > at}

    @torch.no_grad()
    def compute(
        self, x: torch.Tensor, keep: Iterable[str] | None = None
    ) -> dict[str, torch.Tensor]:
        """Compute results of normalised pictures (N, C, H, W). Default: the outputs'."""
        wanted = set(self.outputs if keep is None else keep)
        return {name: y for name, y in self.results(x) if name in wanted}


def padded(x: torch.Tensor, padding: Edges, value: float = 0.0) -> torch.Tensor:
    """Pad maps (N, C, H, W): top, bottom, left and right."""
    top, bottom, left, right = padding
    return functional.pad(x, (left, right, top, bottom), value=value) if any(padding) else x
