"""Layers with several inputs as data."""

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
)


@dataclass(frozen=True)
class Add:
    """A residual add: two maps, each on its own scale, added and rounded once.

    Computes ``clip((a * ma + b * mb + 2**(shift - 1)) >> shift, low, high)``.

    Parameters
    ----------
    name : str
        Identifier of this layer.
    sources : (str, str)
        The layers that produce ``a``, in whose format of channels the result is, and ``b``.
    multipliers : (int, int)
        ``ma`` and ``mb``, unsigned, up to 16 bits.
    shift : int
    bits, signed :
        Format of the result.
    scale : float
        Real value of one least significant bit of the result.
    stride : (vertical, horizontal)
        Of ``b``, every so many rows and columns count.
    channels : (C,) int, optional
        Channel of ``b`` that is added to each channel of ``a``, -1 for none: an option-A shortcut
        has a stride, and fewer channels than ``a``. Default: the same channel.
    """

    name: str
    sources: tuple[str, str]
    multipliers: tuple[int, int]
    shift: int
    bits: int = 8
    signed: bool = False
    scale: float = 1.0
    stride: tuple[int, int] = (1, 1)
    channels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check(self.name, len(self.sources) == 2, f"sources must be two, not {len(self.sources)}")
        check_pair(self.name, "multipliers", self.multipliers, 0, (1 << 16) - 1)
        check_requantisation(self.name, 0, self.shift)
        check_bits(self.name, self.bits)
        check_scale(self.name, self.scale)
        check_pair(self.name, "stride", self.stride, 1, 4)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return self.sources

    def output(self, a: Activation, b: Activation) -> Activation:
        """Format of the result for maps in the formats of `a` and `b`."""
        channels, height, width = a.shape
        strided = tuple(-(-size // s) for size, s in zip(b.shape[1:], self.stride, strict=True))
        check(
            self.name,
            strided == (height, width),
            f"maps must have one size, not {a.shape[1:]} and {strided}",
        )
        taken = self.taken(a)
        check_entries(self.name, "channels", (len(taken),), channels)
        check_range(self.name, "channels", np.array(taken), -1, b.shape[0] - 1)
        return Activation(a.shape, self.bits, self.signed, self.scale, a.channels)

    def taken(self, a: Activation) -> tuple[int, ...]:
        """Channel of ``b`` for each channel of ``a``, -1 for none."""
        return tuple(self.channels) or tuple(range(a.shape[0]))

    def compute(
        self, a: np.ndarray, b: np.ndarray, formats: tuple[Activation, Activation]
    ) -> np.ndarray:
        """Exact result (N, C, H, W) for two maps."""
        out = self.output(*formats)
        taken = np.array(self.taken(formats[0]))
        b = b[:, taken, :: self.stride[0], :: self.stride[1]] * (taken >= 0)[:, None, None]
        total = a * self.multipliers[0] + b * self.multipliers[1]
        return np.clip((total + (1 << (self.shift - 1))) >> self.shift, out.low, out.high)


@dataclass(frozen=True)
class Concat:
    """Channels of several maps one after the other; all on one scale, width and sign.

    Parameters
    ----------
    name : str
        Identifier of this layer.
    sources : tuple of str
        The layers whose channels follow each other.
    """

    name: str
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        many = len(self.sources)
        check(self.name, many >= 2, f"sources must be two or more, not {many}")

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return self.sources

    def output(self, *maps: Activation) -> Activation:
        """Format of the result."""
        first = maps[0]
        for other in maps[1:]:
            same = (other.shape[1:], other.bits, other.signed, other.scale)
            wanted = (first.shape[1:], first.bits, first.signed, first.scale)
            check(
                self.name,
                same == wanted,
                f"maps must have one size and format, not {wanted}, {same}",
            )
        channels = sum(m.shape[0] for m in maps)
        shape = (channels, *first.shape[1:])
        return Activation(shape, first.bits, first.signed, first.scale, tuple(range(channels)))

    def compute(self, *maps: np.ndarray) -> np.ndarray:
        """Exact result (N, C, H, W)."""
        return np.concatenate(maps, axis=1)
