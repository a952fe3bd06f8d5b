"""Layers as data: frozen dataclasses of integers, with shape, range and exact result."""

import math
import re
from dataclasses import dataclass, field

import numpy as np

from hw.arithmetic import (
    MAX_MULTIPLIER_BITS,
    MAX_SHIFT,
    convolve,
    requantise,
    signed_bits,
    windows,
)

MAX_BIAS = 1 << 40  # keeps every product of the reference within 64 bits
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
GRANULARITIES = (
    "dense",
    "feature-map",
    "kernel",
    "kernel-group",
    "intra-kernel",
    "column",
    "weight",
)


@dataclass(frozen=True)
class Activation:
    """Shape and number format of what a layer produces.

    Parameters
    ----------
    shape : (C, H, W)
        Channels, rows, columns.
    bits : int
        Width of an element.
    signed : bool
        Two's complement if true, else unsigned.
    scale : float
        Real value of one least significant bit.
    channels : tuple of int
        Index, before pruning, of every channel; ascending.
    """

    shape: tuple[int, int, int]
    bits: int
    signed: bool
    scale: float
    channels: tuple[int, ...]

    @property
    def low(self) -> int:
        """Smallest element."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest element."""
        return (1 << (self.bits - int(self.signed))) - 1

    @property
    def magnitude(self) -> int:
        """Largest absolute value of an element."""
        return max(-self.low, self.high)


def _check(name: str, condition: bool, sentence: str) -> None:
    if not condition:
        raise ValueError(f"layer {name!r}: {sentence}")


def _check_bits(name: str, bits: int) -> None:
    _check(name, 2 <= bits <= 9 or bits == 16, f"bits must be 2 to 9 or 16, not {bits!r}")


def _check_scale(name: str, scale: float) -> None:
    ok = isinstance(scale, int | float) and math.isfinite(scale) and scale > 0
    _check(name, ok, f"scale must be a positive number, not {scale!r}")


def _check_pair(name: str, field_name: str, value: tuple[int, int], low: int, high: int) -> None:
    ok = len(value) == 2 and all(low <= v <= high for v in value)
    _check(name, ok, f"{field_name} must be two numbers from {low} to {high}, not {value!r}")


def _check_window(name: str, kernel: tuple[int, int], stride, padding, dilation) -> None:
    _check_pair(name, "stride", stride, 1, max(16, *kernel))
    _check_pair(name, "dilation", dilation, 1, 16)
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    limits = (extent[0], extent[0], extent[1], extent[1])
    ok = len(padding) == 4 and all(0 <= p < e for p, e in zip(padding, limits, strict=True))
    _check(name, ok, f"padding must be four numbers below the kernel's extent, not {padding!r}")


def _window_shape(
    name: str, source: Activation, kernel, stride, padding, dilation
) -> tuple[int, int]:
    """Height and width of the map that a sliding window leaves."""
    sizes = []
    for axis, (size, before, after) in enumerate(
        ((source.shape[1], *padding[:2]), (source.shape[2], *padding[2:]))
    ):
        extent = dilation[axis] * (kernel[axis] - 1) + 1
        room = size + before + after - extent
        what = ("height", "width")[axis]
        _check(name, room >= 0, f"{what} {size} must be at least {extent - before - after}")
        sizes.append(room // stride[axis] + 1)
    return sizes[0], sizes[1]


@dataclass(frozen=True)
class Input:
    """The picture that enters: unsigned integers, less one offset per channel.

    The offset is subtracted on entry, before any padding: a normalised picture is padded with zero.

    Parameters
    ----------
    name : str
        Identifier.
    shape : (C, H, W)
        Channels, rows, columns; C up to 512, W up to 224.
    bits : int
        Width of an element on the stream, 2 to 9 or 16.
    scale : float
        Real value of one least significant bit.
    offset : (C,) int or empty
        Subtracted from every element of a channel; empty for zero.
    signed : bool
        Whether elements on the stream are two's complement.
    """

    name: str
    shape: tuple[int, int, int]
    bits: int = 8
    scale: float = 1.0
    offset: tuple[int, ...] = ()
    signed: bool = False

    inputs = ()

    def __post_init__(self) -> None:
        numbers = (*self.shape, self.bits, *self.offset)
        whole = all(isinstance(number, int) for number in numbers)
        _check(self.name, whole, f"shape, bits and offset must be whole numbers, not {numbers!r}")
        _check_bits(self.name, self.bits)
        _check_scale(self.name, self.scale)
        limits = (512, 4096, 224)
        ok = len(self.shape) == 3 and all(
            1 <= s <= m for s, m in zip(self.shape, limits, strict=True)
        )
        _check(self.name, ok, f"shape must be (1..512, 1..4096, 1..224), not {self.shape!r}")
        fits = len(self.offset) in (0, self.shape[0])
        _check(self.name, fits, f"offset must have {self.shape[0]} entries, not {len(self.offset)}")

    @property
    def stream(self) -> Activation:
        """Format of the elements on the stream, before the offset is subtracted."""
        return Activation(
            self.shape, self.bits, self.signed, self.scale, tuple(range(self.shape[0]))
        )

    def output(self) -> Activation:
        """Format behind the offset: exactly wide enough for every element less its offset."""
        stream = self.stream
        low = stream.low - max(self.offset, default=0)
        high = stream.high - min(self.offset, default=0)
        signed = low < 0
        bits = signed_bits(low, high) if signed else max(2, high.bit_length())
        _check_bits(self.name, bits)
        return Activation(stream.shape, bits, signed, stream.scale, stream.channels)

    def compute(self, x: np.ndarray) -> np.ndarray:
        """Subtract the offset from pictures (N, C, H, W)."""
        x = np.asarray(x)
        stream = self.stream
        if x.ndim != 4 or x.shape[1:] != self.shape:
            raise ValueError(f"pictures must have shape (N, {self.shape}), not {x.shape}")
        if not np.issubdtype(x.dtype, np.integer):
            raise TypeError(f"pictures must be integers, not {x.dtype}")
        if x.size and (x.min() < stream.low or x.max() > stream.high):
            raise ValueError(f"pixels must be {stream.low} to {stream.high}")
        offset = np.asarray(self.offset or (0,), np.int64)
        return x.astype(np.int64) - offset[:, None, None]


@dataclass(frozen=True, eq=False)
class Conv:
    """A convolution of integer weights, or a linear layer: a kernel as large as its map.

    Parameters
    ----------
    name, source : str
        Identifier of this layer and of the layer that feeds it.
    weight : (O, C // groups, Kh, Kw) int
        Kernels, ``2**(weight_bits - 1)`` at most in magnitude; zero wherever `mask` is false.
    bias : (O,) int
        Added to every sum.
    multiplier, shift : (O,) int, or None for both
        Requantisation of every output (`hw.arithmetic.requantise`); None keeps the raw accumulator.
    mask : (O, C // groups, Kh, Kw) bool, optional
        Surviving weights; a surviving weight may be zero. Default: all.
    stride, dilation : (vertical, horizontal)
    padding : (top, bottom, left, right)
        Zeros around the picture.
    groups : int
        Groups of channels; the number of channels for a depthwise convolution.
    weight_bits : int
        Width of a weight, 2 to 8.
    bits, signed :
        Format of the result, if it is requantised.
    scale : float
        Real value of one least significant bit of the result.
    channels : (O,) int
        Index, before pruning, of every output; ascending. Default: ``0 .. O - 1``.
    granularity : str
        What was pruned, one of `GRANULARITIES`.
    """

    name: str
    source: str
    weight: np.ndarray
    bias: np.ndarray
    multiplier: np.ndarray | None = None
    shift: np.ndarray | None = None
    mask: np.ndarray | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    weight_bits: int = 8
    bits: int = 8
    signed: bool = False
    scale: float = 1.0
    channels: tuple[int, ...] = ()
    granularity: str = "dense"

    def __post_init__(self) -> None:
        name = self.name
        for key in ("weight", "bias", "multiplier", "shift"):
            value = getattr(self, key)
            if value is not None:
                array = np.asarray(value)
                if not np.issubdtype(array.dtype, np.integer):
                    raise TypeError(f"layer {name!r}: {key} must be integers, not {array.dtype}")
                object.__setattr__(self, key, array.astype(np.int64))
        _check(name, self.weight.ndim == 4, f"weight must have 4 axes, not {self.weight.ndim}")
        outputs = self.weight.shape[0]
        _check(name, 1 <= outputs <= 4096, f"outputs must be 1 to 4096, not {outputs}")
        mask = np.ones(self.weight.shape, bool) if self.mask is None else np.asarray(self.mask)
        same = mask.shape == self.weight.shape and mask.dtype == bool
        _check(name, same, f"mask must be bool {self.weight.shape}, not {mask.dtype} {mask.shape}")
        _check(name, not self.weight[~mask].any(), "a pruned weight must be zero")
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "channels", tuple(self.channels) or tuple(range(outputs)))

        _check(name, 2 <= self.weight_bits <= 8, "weight_bits must be 2 to 8")
        low, high = -(1 << (self.weight_bits - 1)), (1 << (self.weight_bits - 1)) - 1
        fits = not self.weight.size or (self.weight.min() >= low and self.weight.max() <= high)
        _check(name, fits, f"weights must be {low} to {high}")
        _check(name, self.bias.shape == (outputs,), f"bias must have {outputs} entries")
        small = bool((np.abs(self.bias) < MAX_BIAS).all())
        _check(name, small, f"bias must be below {MAX_BIAS} in magnitude")
        _check_scale(name, self.scale)
        _check(name, len(self.channels) == outputs, f"channels must have {outputs} entries")
        rising = all(a < b for a, b in zip(self.channels, self.channels[1:], strict=False))
        _check(name, rising, "channels must ascend")
        _check(name, self.granularity in GRANULARITIES, f"granularity {self.granularity!r} unknown")
        _check(
            name,
            self.groups >= 1 and outputs % self.groups == 0,
            f"groups must divide the {outputs} outputs, not {self.groups}",
        )
        _check_window(name, self.kernel, self.stride, self.padding, self.dilation)
        self._check_requantisation(outputs)

    def _check_requantisation(self, outputs: int) -> None:
        name = self.name
        _check(
            name,
            (self.multiplier is None) == (self.shift is None),
            "multiplier and shift must be given together",
        )
        if self.multiplier is None or self.shift is None:
            return
        _check_bits(name, self.bits)
        for key, value, low, high in (
            ("multiplier", self.multiplier, 0, (1 << MAX_MULTIPLIER_BITS) - 1),
            ("shift", self.shift, 1, MAX_SHIFT),
        ):
            _check(name, value.shape == (outputs,), f"{key} must have {outputs} entries")
            _check(
                name,
                low <= value.min() and value.max() <= high,
                f"{key} must be {low} to {high}",
            )

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return (self.source,)

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the kernels."""
        return self.weight.shape[2], self.weight.shape[3]

    @property
    def survivors(self) -> np.ndarray:
        """The mask (O, C // groups, Kh, Kw)."""
        assert self.mask is not None
        return self.mask

    @property
    def parameters(self) -> int:
        """Surviving weights and biases."""
        return int(self.survivors.sum()) + len(self.bias)

    def macs(self, source: Activation) -> int:
        """Multiply-adds of one picture, those on padding counted as usual."""
        _, height, width = self.output(source).shape
        return int(self.survivors.sum()) * height * width

    def accumulator(self, source: Activation) -> tuple[int, int]:
        """Smallest and largest value that any accumulator, bias included, can take on its way."""
        flat = self.weight.reshape(len(self.weight), -1)
        up, down = np.maximum(flat, 0).sum(1), np.minimum(flat, 0).sum(1)
        low = up * source.low + down * source.high
        high = up * source.high + down * source.low
        low = np.minimum(low, 0) + np.minimum(self.bias, 0)
        high = np.maximum(high, 0) + np.maximum(self.bias, 0)
        return int(low.min()), int(high.max())

    def output(self, source: Activation) -> Activation:
        """Format of the result for pictures in the format of `source`."""
        channels = self.weight.shape[1] * self.groups
        _check(
            self.name,
            channels == source.shape[0],
            f"has {channels} input channels, but {self.source!r} produces {source.shape[0]}",
        )
        args = (self.kernel, self.stride, self.padding, self.dilation)
        height, width = _window_shape(self.name, source, *args)
        shape = (len(self.weight), height, width)
        if self.multiplier is not None:
            return Activation(shape, self.bits, self.signed, self.scale, self.channels)
        bits = signed_bits(*self.accumulator(source))
        return Activation(shape, bits, True, self.scale, self.channels)

    def compute(self, x: np.ndarray, source: Activation) -> np.ndarray:
        """Exact result (N, O, Ho, Wo) for activations (N, C, H, W)."""
        view = windows(x, self.kernel, self.stride, self.padding, self.dilation, 0)
        bound = max(map(abs, self.accumulator(source)))
        acc = convolve(view, self.weight, self.groups, bound) + self.bias[:, None, None]
        if self.multiplier is None or self.shift is None:
            return acc
        out = self.output(source)
        return requantise(acc, self.multiplier, self.shift, out.low, out.high)


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
        _check_pair(self.name, "kernel", self.kernel, 1, 32)
        _check_window(self.name, self.kernel, self.stride, self.padding, (1, 1))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return (self.source,)

    def output(self, source: Activation) -> Activation:
        """Format of the result for pictures in the format of `source`."""
        size = _window_shape(self.name, source, self.kernel, self.stride, self.padding, (1, 1))
        shape = (source.shape[0], *size)
        return Activation(shape, source.bits, source.signed, source.scale, source.channels)

    def compute(self, x: np.ndarray, source: Activation) -> np.ndarray:
        """Exact result (N, C, Ho, Wo) for activations (N, C, H, W)."""
        view = windows(x, self.kernel, self.stride, self.padding, (1, 1), source.low)
        return view.max(axis=(4, 5))


Layer = Input | Conv | MaxPool
