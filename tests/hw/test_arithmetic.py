from fractions import Fraction
from itertools import product
from math import floor

import numpy as np
import pytest

from hw.arithmetic import convolve, fixed_point, requantise, signed_bits, windows


@pytest.mark.parametrize(
    ("low", "high", "bits"),
    [
        *((0, 0, 1), (-1, 0, 1), (0, 1, 2), (-2, 1, 2), (-3, 0, 3), (0, 255, 9), (-128, 127, 8)),
        *((-129, 0, 9), (5, 9, 5), (-9, -5, 5), (-(2**40), 2**40, 42)),
    ],
)
def test_signed_bits(low, high, bits) -> None:
    assert signed_bits(low, high) == bits


@pytest.mark.parametrize(
    ("acc", "multiplier", "shift", "expected"),
    [
        (1, 1, 1, 1),  # ties go up
        (-1, 1, 1, 0),
        (3, 1, 1, 2),
        (-3, 1, 1, -1),
        (7, 1, 4, 0),
        (8, 1, 4, 1),
        (-8, 1, 4, 0),
        (-9, 1, 4, -1),
        (5, 3, 1, 8),
        (-5, 3, 1, -7),
        (10**6, 1, 1, 127),  # saturated
        (-(10**6), 1, 1, -128),
        (0, 65535, 40, 0),
        (1 << 23, 65535, 40, 0),
        (1 << 24, 65535, 40, 1),
        (99, 0, 3, 0),
    ],
)
def test_requantise_by_hand(acc, multiplier, shift, expected) -> None:
    acc = np.array(acc).reshape(1, 1, 1, 1)
    assert requantise(acc, np.array([multiplier]), np.array([shift]), -128, 127).item() == expected


def test_requantise_equals_exact_fractions() -> None:
    rng = np.random.default_rng(1)
    acc = rng.integers(-(2**40), 2**40, (2, 50, 3, 1))
    multiplier, shift = rng.integers(0, 1 << 16, 50), rng.integers(1, 41, 50)
    multiplier[:2], shift[:2] = (0, 65535), (40, 1)
    got = requantise(acc, multiplier, shift, -(2**15), 2**15 - 1)
    for n, c, y in product(range(2), range(50), range(3)):
        exact = Fraction(int(acc[n, c, y, 0]) * int(multiplier[c]), 1 << int(shift[c]))
        rounded = floor(exact + Fraction(1, 2))
        assert got[n, c, y, 0] == min(max(rounded, -(2**15)), 2**15 - 1)


def naive_windows(x, kernel, stride, padding, dilation, fill) -> np.ndarray:
    count, channels, height, width = x.shape
    (kh, kw), (sy, sx), (dy, dx) = kernel, stride, dilation
    top, bottom, left, right = padding
    rows = (height + top + bottom - dy * (kh - 1) - 1) // sy + 1
    columns = (width + left + right - dx * (kw - 1) - 1) // sx + 1
    view = np.full((count, channels, rows, columns, kh, kw), fill)
    for y, v, i, j in product(range(rows), range(columns), range(kh), range(kw)):
        row, column = y * sy + i * dy - top, v * sx + j * dx - left
        if 0 <= row < height and 0 <= column < width:
            view[:, :, y, v, i, j] = x[:, :, row, column]
    return view


WINDOWS = [
    ((3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
    ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1)),
    ((2, 3), (1, 3), (0, 1, 2, 0), (1, 1)),
    ((5, 1), (1, 2), (4, 0, 0, 0), (1, 1)),
    ((2, 2), (1, 1), (0, 0, 2, 2), (3, 2)),
    ((6, 7), (1, 1), (0, 0, 0, 0), (1, 1)),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), WINDOWS)
def test_windows_equal_a_naive_loop(kernel, stride, padding, dilation) -> None:
    x = np.random.default_rng(2).integers(-9, 9, (2, 3, 6, 7))
    args = (kernel, stride, padding, dilation, -100)
    np.testing.assert_array_equal(windows(x, *args), naive_windows(x, *args))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("bound", [1 << 30, 1 << 60], ids=["float64", "int64"])
def test_convolve_equals_a_naive_loop(groups, bound) -> None:
    rng = np.random.default_rng(3)
    view = rng.integers(-255, 256, (2, 4, 3, 2, 2, 3))  # (N, C, Ho, Wo, Kh, Kw)
    weight = rng.integers(-128, 128, (8, 4 // groups, 2, 3))
    got = convolve(view, weight, groups, bound)
    assert got.dtype == np.int64
    for n, o, y, x in product(range(2), range(8), range(3), range(2)):
        first = o // (8 // groups) * (4 // groups)
        expected = sum(
            int(view[n, first + c, y, x, i, j]) * int(weight[o, c, i, j])
            for c, i, j in product(range(4 // groups), range(2), range(3))
        )
        assert got[n, o, y, x] == expected


def test_sums_too_large_for_float64_are_exact() -> None:
    view = np.array([2**53, 1]).reshape(1, 2, 1, 1, 1, 1)
    weight = np.ones((1, 2, 1, 1), int)
    assert convolve(view, weight, 1, 2**53 + 1).item() == 2**53 + 1
    assert convolve(view, weight, 1, 2**52).item() != 2**53 + 1  # what the bound protects from


@pytest.mark.parametrize(
    "factor", [[1e-3, 3e-3, 2e-4], [0.4999, 0.01], [1e-9, 1e-10], [3.7, 200.0], [1e-12]]
)
def test_fixed_point_is_as_near_as_sixteen_bits_allow(factor: list[float]) -> None:
    multiplier, shift = fixed_point(np.array(factor))
    assert set(shift.tolist()) == {shift[0]}
    assert multiplier.max() < 2**16
    finest = min(40, 15 - int(np.floor(np.log2(max(factor)))))  # of which multipliers fit
    for m, wanted in zip(multiplier.tolist(), factor, strict=True):
        error = abs(Fraction(m, 2 ** int(shift[0])) - Fraction(wanted))
        assert error <= Fraction(1, 2 ** (finest + 1))


def test_fixed_point_of_powers_of_two_needs_no_wide_multiplier() -> None:
    multiplier, shift = fixed_point(np.array([2.0**-7, 2.0**-5]))
    assert (multiplier.tolist(), shift.tolist()) == ([1, 4], [7, 7])
    multiplier, shift = fixed_point(np.array([2.0, 1.0]))
    assert (multiplier.tolist(), shift.tolist()) == ([4, 2], [1, 1])
