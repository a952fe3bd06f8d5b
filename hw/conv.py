"""Convolutions and linear layers as data."""

from dataclasses import dataclass

import numpy as np

from hw.activation import (
    Activation,
    check,
    check_bits,
    check_entries,
    check_pair,
    check_range,
    check_requantisation,
    check_scale,
    check_window,
    window_shape,
)
from hw.arithmetic import convolve, requantise, signed_bits, windows

MAX_KERNEL = 4096  # as high as a map can be
MAX_BIAS = 1 << 40  # keeps every product of the reference within 64 bits
GRANULARITIES = (
    "dense",
    "feature-map",
    "kernel",
    "kernel-group",
    "intra-kernel",
    "column",
    "weight",
)


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
        check(name, self.weight.ndim == 4, f"weight must have 4 axes, not {self.weight.ndim}")
        outputs = self.weight.shape[0]
        check(name, 1 <= outputs <= 4096, f"outputs must be 1 to 4096, not {outputs}")
        mask = np.ones(self.weight.shape, bool) if self.mask is None else np.asarray(self.mask)
        same = mask.shape == self.weight.shape and mask.dtype == bool
        check(name, same, f"mask must be bool {self.weight.shape}, not {mask.dtype} {mask.shape}")
        wrong = np.argwhere(~mask & (self.weight != 0))[:1].tolist()
        check(name, not wrong, f"a pruned weight must be zero, not that at {wrong}")
        object.__setattr__(self, "mask", mask)
        object.__setattr__(self, "channels", tuple(self.channels) or tuple(range(outputs)))

        bits = self.weight_bits
        check(name, 2 <= bits <= 8, f"weight_bits must be 2 to 8, not {bits!r}")
        check_range(name, "weights", self.weight, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        check_entries(name, "bias", self.bias.shape, outputs)
        check_range(name, "bias", self.bias, 1 - MAX_BIAS, MAX_BIAS - 1)
        check_scale(name, self.scale)
        check_entries(name, "channels", (len(self.channels),), outputs)
        rising = all(a < b for a, b in zip(self.channels, self.channels[1:], strict=False))
        check(name, rising, f"channels must ascend, not {self.channels!r}")
        check(name, self.granularity in GRANULARITIES, f"granularity {self.granularity!r} unknown")
        check(
            name,
            self.groups >= 1 and outputs % self.groups == 0,
            f"groups must divide the {outputs} outputs, not {self.groups}",
        )
        check_pair(name, "kernel", self.kernel, 1, MAX_KERNEL)
        check_window(name, self.kernel, self.stride, self.padding, self.dilation)
        self._check_requantisation(outputs)

    def _check_requantisation(self, outputs: int) -> None:
        name = self.name
        check(
            name,
            (self.multiplier is None) == (self.shift is None),
            "multiplier and shift must be given together",
        )
        if self.multiplier is None or self.shift is None:
            return
        check_bits(name, self.bits)
        check_requantisation(name, self.multiplier, self.shift, outputs)

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

    def sums(self, source: Activation) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest value (O,) that every sum of products can take on its way."""
        flat = self.weight.reshape(len(self.weight), -1)
        up, down = np.maximum(flat, 0).sum(1), np.minimum(flat, 0).sum(1)
        low = up * source.low + down * source.high
        high = up * source.high + down * source.low
        return np.minimum(low, 0), np.maximum(high, 0)

    def accumulator(self, source: Activation) -> tuple[int, int]:
        """Smallest and largest value that any accumulator, bias included, can take on its way."""
        low, high = self.sums(source)
        low, high = low + np.minimum(self.bias, 0), high + np.maximum(self.bias, 0)
        return int(low.min()), int(high.max())

    def output(self, source: Activation) -> Activation:
        """Format of the result for pictures in the format of `source`."""
        channels = self.weight.shape[1] * self.groups
        check(
            self.name,
            channels == source.shape[0],
            f"has {channels} input channels, but {self.source!r} produces {source.shape[0]}",
        )
        args = (self.kernel, self.stride, self.padding, self.dilation)
        height, width = window_shape(self.name, source, *args)
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
