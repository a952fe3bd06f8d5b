"""What the operators of an ONNX graph add up, and the integer layers that round it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from hw.arithmetic import MAX_MULTIPLIER_BITS, MAX_SHIFT, fixed_point, signed_bits
from hw.conv import MAX_BIAS
from hw.layers import Add, AvgPool, Conv, Layer

MAX_MULTIPLIER = (1 << MAX_MULTIPLIER_BITS) - 1


@dataclass(frozen=True, eq=False)
class Scaled:
    """A layer whose scale is known, but neither its name nor the format of its result.

    Parameters
    ----------
    least, most : int
        Range of what is rounded, before it saturates.
    layer : callable
        Makes the layer of a name, bits, and whether it is signed.
    """

    least: int
    most: int
    layer: Callable[[str, int, bool], Layer]


class Terms(Protocol):
    """What is added up."""

    def scaled(self, step: float) -> Scaled:
        """Find the integers that bring it to a step.

        Raises
        ------
        ValueError
            If no multiplier and shift are near its scale.
        """
        ...


@dataclass(frozen=True)
class Source:
    """A map that is read: its layer, the real value of one, and its range, in which zero is."""

    layer: str
    step: float
    low: int
    high: int


@dataclass(frozen=True, eq=False)
class ConvTerms:
    """Products of a convolution.

    Parameters
    ----------
    source : Source
    weight : (O, C // groups, Kh, Kw) int64
    unit : (O,) float64
        Real value of one product of integers; positive.
    bias : (O,) float64
        Real numbers.
    window : dict
        Stride, padding, dilation and groups, as `hw.conv.Conv` has them.
    """

    source: Source
    weight: np.ndarray
    unit: np.ndarray
    bias: np.ndarray
    window: dict[str, Any] = field(default_factory=dict)

    def times(self, factor: np.ndarray, offset: np.ndarray) -> "ConvTerms":
        """Multiply every output by a factor and add an offset, as batch normalisation does."""
        sign = np.where(factor < 0, -1, 1)
        weight = self.weight * sign[:, None, None, None] * (factor != 0)[:, None, None, None]
        unit = np.where(factor == 0, self.unit, self.unit * np.abs(factor))
        bias = self.bias * factor + offset
        return ConvTerms(self.source, weight, unit, bias, self.window)

    @property
    def units(self) -> np.ndarray:
        """Real value (O,) of one; outputs without weights have the largest of the others'."""
        weighted = self.weight.any(axis=(1, 2, 3))
        most = self.unit[weighted].max() if weighted.any() else self.unit.max()
        return np.where(weighted, self.unit, most)

    def conv(self, name: str, bias: np.ndarray, **form: Any) -> Conv:
        """Make the layer."""
        bits = max(2, signed_bits(int(self.weight.min()), int(self.weight.max())))
        args = (name, self.source.layer, self.weight, bias)
        return Conv(*args, weight_bits=bits, **self.window, **form)

    def biases(self, raised: float = 0.0) -> np.ndarray:
        """Integers (O,) nearest to the biases, raised by a real number."""
        found = np.rint((self.bias + raised) / self.units)
        if not (np.abs(found) < MAX_BIAS).all():
            raise ValueError(f"biases must be below 2**40 steps, not {np.abs(found).max():g}")
        return found.astype(np.int64)

    def sums(self, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest sum (O,), padding included."""
        flat = self.weight.reshape(len(self.weight), -1)
        up, down = np.maximum(flat, 0).sum(1), np.minimum(flat, 0).sum(1)
        low, high = self.source.low, self.source.high
        return up * low + down * high + bias, up * high + down * low + bias

    def scaled(self, step: float, raised: int = 0) -> Scaled:
        """Find the integers, as `Terms` does, and raise the result by a number of steps."""
        multiplier, shift = _integers(self.units / step)
        bias = self.biases(raised * step)
        least, most = (_rounded(s * multiplier, shift[0]) for s in self.sums(bias))

        def layer(name: str, bits: int, signed: bool) -> Conv:
            form = {"multiplier": multiplier, "shift": shift, "bits": bits, "signed": signed}
            return self.conv(name, bias, scale=step, **form)

        return Scaled(int(least.min()), int(most.max()), layer)


@dataclass(frozen=True)
class AddTerms:
    """Elements of two maps."""

    a: Source
    b: Source

    def scaled(self, step: float) -> Scaled:
        """Find the integers; see `Terms`."""
        factors, (shift, _) = _integers(np.array([self.a.step, self.b.step]) / step)
        ma, mb = factors.tolist()
        low = self.a.low * ma + self.b.low * mb
        high = self.a.high * ma + self.b.high * mb

        def layer(name: str, bits: int, signed: bool) -> Add:
            sources = self.a.layer, self.b.layer
            return Add(name, sources, (ma, mb), int(shift), bits, signed, step)

        return Scaled(_rounded(low, shift), _rounded(high, shift), layer)


@dataclass(frozen=True)
class AvgTerms:
    """Elements under the windows of an average."""

    source: Source
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]

    def scaled(self, step: float) -> Scaled:
        """Find the integers; see `Terms`."""
        pixels = self.kernel[0] * self.kernel[1]
        (multiplier,), (shift,) = _integers(np.array([self.source.step / pixels / step]))
        low, high = (end * pixels * multiplier for end in (self.source.low, self.source.high))

        def layer(name: str, bits: int, signed: bool) -> AvgPool:
            window = self.kernel, self.stride, int(multiplier), int(shift), self.padding
            return AvgPool(name, self.source.layer, *window, bits, signed, step)

        return Scaled(int(_rounded(low, shift)), int(_rounded(high, shift)), layer)


def _integers(factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and shifts, if there are some near factors."""
    if not 2.0**-MAX_SHIFT <= factor.max() <= MAX_MULTIPLIER / 2:
        raise ValueError(
            f"sums must become results by a factor from 2**-40 to 2**15, not {factor.max():g}"
        )
    return fixed_point(factor)


def _rounded(scaled: Any, shift: int) -> Any:
    return (scaled + (1 << (int(shift) - 1))) >> int(shift)
