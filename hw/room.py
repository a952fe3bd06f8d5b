"""Room of a loadable layer: widths that do not depend on its weights, so that others fit."""

from dataclasses import dataclass

import numpy as np

from hw.activation import check
from hw.arithmetic import MAX_MULTIPLIER_BITS, one_shift, signed_bits
from hw.layers import Activation, Conv

HEADROOM = 1  # powers of two by which scales may be larger, or smaller, than those at first


@dataclass(frozen=True)
class Scale:
    """What a loadable requantiser multiplies by, and shifts.

    Parameters
    ----------
    bits : int
        Width of a multiplier; 0 where it only shifts.
    shift : int
    """

    bits: int
    shift: int

    @staticmethod
    def around(multipliers: np.ndarray, shifts: np.ndarray) -> "Scale":
        """Make room for multipliers of 16 bits at any shift that is at most `HEADROOM` off.

        Counted from the shift at which the largest of `multipliers` has 16 bits. Where all are 1,
        at one shift, it only shifts.
        """
        bits, shift, _ = one_shift(multipliers, shifts)
        if not bits:
            return Scale(0, shift)
        shift = int(shifts.max())  # with no common factor taken out: others may have none
        bits = int((multipliers << (shift - shifts)).max()).bit_length()
        up = max(MAX_MULTIPLIER_BITS - bits, 0) + HEADROOM
        return Scale(bits + up + HEADROOM, shift + up)

    def fit(self, name: str, multipliers: np.ndarray, shifts: np.ndarray) -> tuple[int, ...]:
        """Multipliers at this shift.

        Raises
        ------
        ValueError
            If they do not fit; the layer is named.
        """
        bits, shift, found = one_shift(multipliers, shifts)
        if not self.bits:
            sentence = f"must only shift, by {self.shift} bits, as in the design"
            check(name, (bits, shift) == (0, self.shift), sentence)
            return found
        up = self.shift - shift
        check(name, up >= 0, f"shift must be {self.shift} at most, as in the design, not {shift}")
        wide = max(found).bit_length() + up
        sentence = f"multipliers must have {self.bits} bits at a shift of {self.shift}, as in the"
        check(name, wide <= self.bits, f"{sentence} design, not {wide}")
        return tuple(multiplier << up for multiplier in found)


@dataclass(frozen=True)
class Room:
    """Widths of a loadable layer that multiplies and adds.

    Parameters
    ----------
    sum_bits : int
        Of a sum of products: wide enough for any weights at the surviving taps.
    bias_bits : int
        Of a bias: as wide as a sum, or as that which is there at first.
    scale : Scale or None
        None where accumulators are kept.
    """

    sum_bits: int
    bias_bits: int
    scale: Scale | None

    @staticmethod
    def around(conv: Conv, source: Activation, bias_bits: int, *, weighted: bool) -> "Room":
        """Make room around a layer, of whose weights there are none if it is not `weighted`."""
        widest, bits = conv.weight, conv.weight_bits
        if weighted:  # the most negative weights make the widest sums
            widest = np.where(conv.survivors, -1 << (bits - 1), 0)
        flat = widest.reshape(len(widest), -1).sum(1)
        ends = np.outer((source.low, source.high), flat)
        sum_bits = signed_bits(min(int(ends.min()), 0), max(int(ends.max()), 0))
        scale = None
        if conv.multiplier is not None and conv.shift is not None:
            scale = Scale.around(conv.multiplier, conv.shift)
        return Room(sum_bits, max(bias_bits, sum_bits) if weighted else bias_bits, scale)
