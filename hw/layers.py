"""Layers as data: frozen dataclasses of integers, with shape, range and exact result."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hw.activation import NAME, Activation, check, check_bits, check_scale
from hw.arithmetic import signed_bits
from hw.conv import GRANULARITIES, Conv
from hw.joins import Add, Concat
from hw.pooling import AvgPool, MaxPool

__all__ = [
    "GRANULARITIES",
    "NAME",
    "Activation",
    "Add",
    "AvgPool",
    "Concat",
    "Conv",
    "Input",
    "Layer",
    "MaxPool",
]


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

    inputs: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        numbers = (*self.shape, self.bits, *self.offset)
        whole = all(isinstance(number, int) for number in numbers)
        check(self.name, whole, f"shape, bits and offset must be whole numbers, not {numbers!r}")
        check_bits(self.name, self.bits)
        check_scale(self.name, self.scale)
        limits = (512, 4096, 224)
        ok = len(self.shape) == 3 and all(
            1 <= s <= m for s, m in zip(self.shape, limits, strict=True)
        )
        check(self.name, ok, f"shape must be (1..512, 1..4096, 1..224), not {self.shape!r}")
        fits = len(self.offset) in (0, self.shape[0])
        check(self.name, fits, f"offset must have {self.shape[0]} entries, not {len(self.offset)}")

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
        check_bits(self.name, bits)
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
            found = f"{x.min()} to {x.max()}"
            raise ValueError(f"pixels must be {stream.low} to {stream.high}, not {found}")
        offset = np.asarray(self.offset or (0,), np.int64)
        return x.astype(np.int64) - offset[:, None, None]


Layer = Input | Conv | MaxPool | AvgPool | Add | Concat
