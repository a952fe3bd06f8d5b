"""Formats of layers that hold a range of integers, or saturate just as it ends."""

import numpy as np

from hw.arithmetic import signed_bits

WIDTHS = (*range(2, 10), 16)


def fitting(
    low: int, high: int, least: float = -np.inf, most: float = np.inf
) -> tuple[int, bool] | None:
    """Narrowest format, bits and whether signed, that saturates just as a range of integers does.

    Parameters
    ----------
    low, high : int
        The range.
    least, most : float
        Range of what saturates; an end that it does not reach may be anywhere behind it.
    """
    for bits in WIDTHS:
        for signed in (False, True):
            bottom, top = ends(bits, signed)
            lower = bottom == low or max(bottom, low) <= least
            upper = top == high or min(top, high) >= most
            if lower and upper:
                return bits, signed
    return None


def holding(low: int, high: int) -> tuple[int, bool]:
    """Narrowest format, bits and whether signed, that holds a range of integers."""
    bits = signed_bits(low, high) if low < 0 else high.bit_length()
    found = next((width for width in WIDTHS if width >= bits), None)
    if found is None:
        raise ValueError(f"numbers from {low} to {high} must fit 16 bits")
    return found, low < 0


def ends(bits: int, signed: bool) -> tuple[int, int]:
    """Smallest and largest number of a format."""
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
