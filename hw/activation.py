"""Format of what travels between layers, and the checks that all layers share."""

import math
import re
from dataclasses import dataclass

import numpy as np

from hw.arithmetic import MAX_MULTIPLIER_BITS, MAX_SHIFT

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


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


def check(name: str, condition: bool, sentence: str) -> None:
    """Raise ValueError, which names the layer, if a condition does not hold."""
    if not condition:
        raise ValueError(f"layer {name!r}: {sentence}")


def valid_bits(bits: int) -> bool:
    """Whether an activation may have some width."""
    return 2 <= bits <= 9 or bits == 16


def check_bits(name: str, bits: int) -> None:
    """Check the width of an activation."""
    check(name, valid_bits(bits), f"bits must be 2 to 9 or 16, not {bits!r}")


def check_scale(name: str, scale: float) -> None:
    """Check the real value of a least significant bit."""
    ok = isinstance(scale, int | float) and math.isfinite(scale) and scale > 0
    check(name, ok, f"scale must be a positive number, not {scale!r}")


def check_pair(name: str, field_name: str, value: tuple[int, int], low: int, high: int) -> None:
    """Check a pair of numbers, vertical and horizontal, against a range."""
    ok = len(value) == 2 and all(low <= v <= high for v in value)
    check(name, ok, f"{field_name} must be two numbers from {low} to {high}, not {value!r}")


def check_entries(name: str, key: str, shape: tuple[int, ...], entries: int) -> None:
    """Check that something is a list of some entries."""
    found = shape[0] if len(shape) == 1 else shape
    check(name, shape == (entries,), f"{key} must have {entries} entries, not {found}")


def check_range(name: str, key: str, value: np.ndarray, low: int, high: int) -> None:
    """Check that all numbers of an array lie in a range."""
    if value.size:
        least, most = int(value.min()), int(value.max())
        found = f"{least} to {most}" if least < most else least
        check(name, low <= least and most <= high, f"{key} must be {low} to {high}, not {found}")


def check_window(name: str, kernel: tuple[int, int], stride, padding, dilation) -> None:
    """Check the geometry of a sliding window."""
    check_pair(name, "stride", stride, 1, max(16, *kernel))
    check_pair(name, "dilation", dilation, 1, 16)
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    limits = (extent[0], extent[0], extent[1], extent[1])
    ok = len(padding) == 4 and all(0 <= p < e for p, e in zip(padding, limits, strict=True))
    sentence = f"padding must be four numbers below the kernel's extent {tuple(extent)}"
    check(name, ok, f"{sentence}, not {padding!r}")


def window_shape(
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
        check(name, room >= 0, f"{what} {size} must be at least {extent - before - after}")
        sizes.append(room // stride[axis] + 1)
    return sizes[0], sizes[1]


def check_requantisation(
    name: str, multiplier: np.ndarray | int, shift: np.ndarray | int, outputs: int | None = None
) -> None:
    """Check the scale of a requantisation, one for each of some outputs if they are given."""
    for key, value, low, high in (
        ("multiplier", np.asarray(multiplier), 0, (1 << MAX_MULTIPLIER_BITS) - 1),
        ("shift", np.asarray(shift), 1, MAX_SHIFT),
    ):
        if outputs is not None:
            check_entries(name, key, value.shape, outputs)
        check_range(name, key, value, low, high)
