import re
from itertools import product

import numpy as np
import pytest

from hw.layers import Activation, AvgPool, Conv


def form(shape, bits=8, signed=False) -> Activation:
    return Activation(shape, bits, signed, 1.0, tuple(range(shape[0])))


def draw(source: Activation, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(source.low, source.high, (2, *source.shape), endpoint=True)


def naive(layer: AvgPool, x: np.ndarray, source: Activation) -> np.ndarray:
    """What a reader of the number contract would write: Python integers, one loop."""
    _, height, width = source.shape
    out = layer.output(source)
    (top, _, left, _), (sy, sx) = layer.padding, layer.stride
    result = np.zeros((len(x), *out.shape), np.int64)
    for n, c, y, v in product(range(len(x)), *map(range, out.shape)):
        total = 0
        for i, j in product(*map(range, layer.kernel)):
            row, column = y * sy - top + i, v * sx - left + j
            if 0 <= row < height and 0 <= column < width:
                total += int(x[n, c, row, column])
        scaled = (total * layer.multiplier + 2 ** (layer.shift - 1)) // 2**layer.shift
        result[n, c, y, v] = min(max(scaled, out.low), out.high)
    return result


AVERAGES = {
    "2x2": AvgPool("g", "x", (2, 2), (2, 2), 1, 2),
    "3x3 padded": AvgPool("g", "x", (3, 3), (1, 1), 57, 9, (1, 1, 1, 1)),
    "uneven": AvgPool("g", "x", (3, 2), (2, 1), 200, 9, (2, 0, 0, 1), bits=4),
    "global": AvgPool("g", "x", (5, 6), (1, 1), 273, 13, bits=16),
    "signed": AvgPool("g", "x", (2, 3), (1, 2), 300, 9, signed=True, bits=5),
    "nothing": AvgPool("g", "x", (2, 2), (2, 2), 0, 1),
}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", AVERAGES)
def test_average_equals_a_naive_loop(name, signed) -> None:
    layer, source = AVERAGES[name], form((3, 5, 6), 6, signed)
    x = draw(source)
    out, expected = layer.output(source), naive(layer, x, source)
    assert out.shape == expected.shape[1:]
    assert (out.bits, out.signed, out.channels) == (layer.bits, layer.signed, source.channels)
    np.testing.assert_array_equal(layer.compute(x, source), expected)


@pytest.mark.parametrize("name", AVERAGES)
def test_convolution_with_ones_is_the_same(name) -> None:
    layer, source = AVERAGES[name], form((3, 5, 6), 6, signed=True)
    same = layer.as_conv(source)
    assert isinstance(same, Conv)
    assert same.output(source) == layer.output(source)
    x = draw(source)
    np.testing.assert_array_equal(same.compute(x, source), layer.compute(x, source))


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        ((0, 0, 0, 1), 0),
        ((0, 0, 1, 1), 1),
        ((1, 1, 2, 2), 2),
        ((-1, -1, 0, 0), 0),
        ((-1, -1, -1, 0), -1),
        ((31, 31, 31, 31), 7),
        ((-32, -32, -32, -32), -8),
    ],
)
def test_quarters_by_hand(pixels, expected) -> None:
    """A tie goes up, and what is too large saturates."""
    layer = AvgPool("g", "x", (2, 2), (2, 2), 1, 2, bits=4, signed=True)
    x = np.array(pixels).reshape(1, 1, 2, 2)
    assert layer.compute(x, form((1, 2, 2), 6, True)).item() == expected


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kernel": (0, 2)}, "kernel must be two numbers from 1 to 224, not (0, 2)"),
        ({"kernel": (2, 225)}, "kernel must be two numbers from 1 to 224, not (2, 225)"),
        ({"stride": (17, 1)}, "stride must be two numbers from 1 to 16, not (17, 1)"),
        (
            {"padding": (2, 0, 0, 0)},
            "padding must be four numbers below the kernel's extent (2, 2), not (2, 0, 0, 0)",
        ),
        ({"multiplier": -1}, "multiplier must be 0 to 65535, not -1"),
        ({"multiplier": 65536}, "multiplier must be 0 to 65535, not 65536"),
        ({"shift": 0}, "shift must be 1 to 40, not 0"),
        ({"shift": 41}, "shift must be 1 to 40, not 41"),
        ({"bits": 1}, "bits must be 2 to 9 or 16, not 1"),
        ({"scale": -1.0}, "scale must be a positive number, not -1.0"),
    ],
)
def test_wrong_average(changes, sentence) -> None:
    values = {"kernel": (2, 2), "stride": (2, 2), "multiplier": 1, "shift": 2} | changes
    with pytest.raises(ValueError, match=f"^layer 'g': {re.escape(sentence)}$"):
        AvgPool("g", "x", **values)


def test_map_smaller_than_the_window() -> None:
    with pytest.raises(ValueError, match=r"^layer 'g': width 1 must be at least 2$"):
        AvgPool("g", "x", (2, 2), (2, 2), 1, 2).output(form((1, 3, 1)))
