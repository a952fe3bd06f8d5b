"""Layers of real numbers: what an import makes of a model, and quantisation makes integer.

They are those of `hw.layers`, before they have scales: batch normalisation is folded into
convolutions, a linear layer is a convolution whose kernel is the whole map, and an activation
belongs to the layer before it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

Pair = tuple[int, int]
Edges = tuple[int, int, int, int]


class Clip(NamedTuple):
    """Limits of an activation; None for none: ``Clip(0)`` is a ReLU, ``Clip(0, 6)`` a ReLU6."""

    low: float | None = None
    high: float | None = None

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Limit numbers."""
        return x if self == NO_CLIP else x.clamp(self.low, self.high)


NO_CLIP = Clip()


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
    clip: Clip = NO_CLIP
    mask: np.ndarray | None = None
    channels: tuple[int, ...] = ()
    granularity: str = "dense"
    place: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "clip", Clip(*self.clip))
        axes, outputs = np.ndim(self.weight), np.shape(self.bias)
        if axes != 4 or outputs != np.shape(self.weight)[:1]:
            raise ValueError(
                f"layer {self.name!r}: weight must have 4 axes and a bias for each output, not "
                f"{np.shape(self.weight)} and {outputs}"
            )
        if self.mask is not None and np.shape(self.mask) != np.shape(self.weight):
            raise ValueError(f"layer {self.name!r}: mask must have the shape of the weight")

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
    clip: Clip = NO_CLIP
    place: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "clip", Clip(*self.clip))

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
    clip: Clip = NO_CLIP
    stride: Pair = (1, 1)
    channels: tuple[int, ...] = ()
    place: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "clip", Clip(*self.clip))

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


def padded(x: torch.Tensor, padding: Edges, value: float = 0.0) -> torch.Tensor:
    """Pad maps (N, C, H, W): top, bottom, left and right."""
    top, bottom, left, right = padding
    return functional.pad(x, (left, right, top, bottom), value=value) if any(padding) else x
