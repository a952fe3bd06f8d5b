import re

import numpy as np
import pytest

from hw.arithmetic import requantise, signed_bits
from hw.layers import Activation
from hw.room import Room, Scale
from tests.hw.networks import conv

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("weight_bits", [2, 8])
def test_sums_of_any_weights_just_fit(signed, weight_bits) -> None:
    layer = conv(RNG, channels=(3, 4), density=0.6, weight_bits=weight_bits)
    source = Activation((3, 5, 5), 5, signed, 1.0, (0, 1, 2))
    room = Room.around(layer, source, 4, weighted=True)
    most = 0
    for output in layer.survivors:
        taps = int(output.sum())
        for weight in (-1 << (weight_bits - 1), (1 << (weight_bits - 1)) - 1):
            for pixel in (source.low, source.high):
                total = taps * weight * pixel
                most = max(most, signed_bits(min(total, 0), max(total, 0)))
    assert (room.sum_bits, room.bias_bits) == (most, most)
    assert Room.around(layer, source, 40, weighted=True).bias_bits == 40


def test_sums_of_what_is_not_weighted_are_as_they_are() -> None:
    layer = conv(RNG, channels=(2, 2), kernel=(2, 2), groups=2)
    ones = np.ones_like(layer.weight)
    source = Activation((2, 5, 5), 4, False, 1.0, (0, 1))
    layer = type(layer)("a", "x", ones, layer.bias * 0, layer.multiplier, layer.shift, groups=2)
    room = Room.around(layer, source, 3, weighted=False)
    assert (room.sum_bits, room.bias_bits) == (signed_bits(0, 4 * 15), 3)


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.0, 1.9])
def test_scales_up_to_a_power_of_two_away_fit_exactly(factor) -> None:
    shifts = np.array([20, 20, 20])
    scale = Scale.around(np.array([40_000, 3, 32_768]), shifts)
    assert (scale.bits, scale.shift) == (18, 21)
    real = factor * np.array([40_000, 1_000, 17]) / 2**20
    shift = int(np.floor(np.log2(65_535 / real.max())))
    multipliers = np.rint(real * 2.0**shift).astype(np.int64)
    fitting = scale.fit("a", multipliers, np.full(3, shift))
    assert max(fitting) < 1 << 18
    sums = RNG.integers(-(1 << 20), 1 << 20, (7, 3, 2, 2))
    ends = -(1 << 40), 1 << 40
    expected = requantise(sums, multipliers, np.full(3, shift), *ends)
    found = requantise(sums, np.array(fitting), np.full(3, scale.shift), *ends)
    np.testing.assert_array_equal(found, expected)


def test_trailing_zeros_leave_as_much_room() -> None:
    fine = Scale.around(np.array([48 << 10, 16 << 10]), np.array([20, 20]))
    assert Scale.around(np.array([3, 1]), np.array([6, 6])) == fine
    assert fine.fit("a", np.array([3, 1]), np.array([6, 6])) == (3 << 15, 1 << 15)


@pytest.mark.parametrize(
    ("multipliers", "shift", "sentence"),
    [
        (
            [40_000, 1],
            18,
            "multipliers must have 18 bits at a shift of 21, as in the design, not 19",
        ),
        ([40_001, 1], 22, "shift must be 21 at most, as in the design, not 22"),
    ],
)
def test_scales_further_away_are_refused(multipliers, shift, sentence) -> None:
    scale = Scale.around(np.array([40_000, 3]), np.array([20, 20]))
    with pytest.raises(ValueError, match=f"^layer 'a': {re.escape(sentence)}$"):
        scale.fit("a", np.array(multipliers), np.full(2, shift))


def test_what_only_shifts_goes_on_to() -> None:
    scale = Scale.around(np.ones(2, int), np.array([7, 7]))
    assert scale == Scale(0, 7)
    assert scale.fit("a", np.array([1, 1]), np.array([7, 7])) == (1, 1)
    for multipliers, shift in (([1, 1], 8), ([1, 3], 7)):
        with pytest.raises(ValueError, match=r"^layer 'a': must only shift, by 7 bits, as in the"):
            scale.fit("a", np.array(multipliers), np.full(2, shift))
