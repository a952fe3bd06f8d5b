"""Pooling layers as data."""

from dataclasses import dataclass, field

import numpy as np

from hw.activation import (
    Activation,
    check_bits,
    check_pair,
    check_requantisation,
    check_scale,
    check_window,
    window_shape,
)
from hw.arithmetic import requantise, windows
from hw.conv import Conv


@dataclass(frozen=True)
class MaxPool:
    """The largest pixel under every window; pixels outside the picture do not count.

    Parameters
    ----------
    name, source : str
        Identifier of this layer and of the layer that feeds it.
    kernel, stride : (vertical, horizontal)
    padding : (top, bottom, left, right)
    """

    name: str
    source: str
    kernel: tuple[int, int] = (2, 2)
    stride: tuple[int, int] = (2, 2)
    padding: tuple[int, int, int, int] = field(default=(0, 0, 0, 0))

    def __post_init__(self) -> None:
        check_pair(self.name, "kernel", self.kernel, 1, 32)
        check_window(self.name, self.kernel, self.stride, self.padding, (1, 1))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return (self.source,)

    def output(self, source: Activation) -> Activation:
        """Format of the result for pictures in the format of `source`."""
        size = window_shape(self.name, source, self.kernel, self.stride, self.padding, (1, 1))
        shape = (source.shape[0], *size)
        return Activation(shape, source.bits, source.signed, source.scale, source.channels)

    def compute(self, x: np.ndarray, source: Activation) -> np.ndarray:
        """Exact result (N, C, Ho, Wo) for activations (N, C, H, W)."""
        view = windows(x, self.kernel, self.stride, self.padding, (1, 1), source.low)
        return view.max(axis=(4, 5))


@dataclass(frozen=True)
class AvgPool:
    """The sum under every window, requantised; pixels outside the picture count as zero.

    Parameters
    ----------
    name, source : str
        Identifier of this layer and of the layer that feeds it.
    kernel, stride : (vertical, horizontal)
        A kernel as large as the map is a global average.
    padding : (top, bottom, left, right)
    multiplier, shift : int
        Requantisation of the sum (`hw.arithmetic.requantise`), the division included.
    bits, signed :
        Format of the result.
    scale : float
        Real value of one least significant bit of the result.
    """

    name: str
    source: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    multiplier: int
    shift: int
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    bits: int = 8
    signed: bool = False
    scale: float = 1.0

    def __post_init__(self) -> None:
        check_pair(self.name, "kernel", self.kernel, 1, 224)
        check_window(self.name, self.kernel, self.stride, self.padding, (1, 1))
        check_bits(self.name, self.bits)
        check_requantisation(self.name, self.multiplier, self.shift)
        check_scale(self.name, self.scale)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return (self.source,)

    def output(self, source: Activation) -> Activation:
        """Format of the result for pictures in the format of `source`."""
        size = window_shape(self.name, source, self.kernel, self.stride, self.padding, (1, 1))
        shape = (source.shape[0], *size)
        return Activation(shape, self.bits, self.signed, self.scale, source.channels)

    def compute(self, x: np.ndarray, source: Activation) -> np.ndarray:
        """Exact result (N, C, Ho, Wo) for activations (N, C, H, W)."""
        view = windows(x, self.kernel, self.stride, self.padding, (1, 1), 0)
        out, ones = self.output(source), np.ones(x.shape[1], np.int64)
        acc = view.sum(axis=(4, 5), dtype=np.int64)
        return requantise(acc, ones * self.multiplier, ones * self.shift, out.low, out.high)

    def as_conv(self, source: Activation) -> Conv:
        """Convolve each channel by itself with ones, which is the same."""
        channels = source.shape[0]
        ones = np.ones(channels, np.int64)
        return Conv(
            self.name,
            self.source,
            np.ones((channels, 1, *self.kernel), np.int64),
            0 * ones,
            ones * self.multiplier,
            ones * self.shift,
            stride=self.stride,
            padding=self.padding,
            groups=channels,
            weight_bits=2,
            bits=self.bits,
            signed=self.signed,
            scale=self.scale,
            channels=source.channels,
        )
