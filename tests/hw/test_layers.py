import re
from itertools import product

import numpy as np
import pytest

from hw.layers import Activation, Conv, Input, MaxPool
from tests.hw.networks import conv


def activation(shape, bits=8, signed=False) -> Activation:
    return Activation(shape, bits, signed, 1.0, tuple(range(shape[0])))


def draw(source: Activation, count=2, seed=0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(source.low, source.high, (count, *source.shape), endpoint=True)


def naive_conv(layer: Conv, x: np.ndarray, source: Activation) -> np.ndarray:
    """What a reader of the number contract would write: Python integers, one loop."""
    _, height, width = source.shape
    out = layer.output(source)
    top, _, left, _ = layer.padding
    (sy, sx), (dy, dx) = layer.stride, layer.dilation
    many, inputs, kh, kw = layer.weight.shape
    result = np.zeros((len(x), *out.shape), np.int64)
    for n, o, y, v in product(range(len(x)), *map(range, out.shape)):
        total = int(layer.bias[o])
        for c, i, j in product(range(inputs), range(kh), range(kw)):
            row, column = y * sy - top + i * dy, v * sx - left + j * dx
            if 0 <= row < height and 0 <= column < width:
                channel = o // (many // layer.groups) * inputs + c
                total += int(layer.weight[o, c, i, j]) * int(x[n, channel, row, column])
        if layer.multiplier is not None and layer.shift is not None:
            scaled = total * int(layer.multiplier[o]) + 2 ** (int(layer.shift[o]) - 1)
            total = min(max(scaled // 2 ** int(layer.shift[o]), out.low), out.high)
        result[n, o, y, v] = total
    return result


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"raw": True},
        {"stride": (2, 1), "padding": (0, 2, 1, 0), "signed": True},
        {"kernel": (2, 3), "dilation": (2, 2)},
        {"groups": 4, "channels": (4, 8), "density": 0.5},
        {"groups": 2, "channels": (4, 6), "bits": 3},
        {"kernel": (5, 6), "padding": (0, 0, 0, 0), "raw": True},
        {"kernel": (1, 1), "weight_bits": 2, "bits": 16},
        {"scaled": False, "density": 0.1},
    ],
)
@pytest.mark.parametrize("signed", [False, True])
def test_conv_equals_a_naive_loop(options, signed) -> None:
    layer = conv(np.random.default_rng(1), **{"channels": (4, 3), **options})
    source = activation((4, 5, 6), 6, signed)
    x = draw(source)
    np.testing.assert_array_equal(layer.compute(x, source), naive_conv(layer, x, source))


def test_accumulator_bounds_are_reached_and_held() -> None:
    layer = conv(np.random.default_rng(2), channels=(3, 5), raw=True, padding=(0, 0, 0, 0))
    for signed in (False, True):
        source = activation((3, 3, 3), 8, signed)
        low, high = layer.accumulator(source)
        up = np.where(layer.weight > 0, source.high, source.low)
        down = np.where(layer.weight > 0, source.low, source.high)
        sums = layer.compute(np.concatenate([up, down]), source)
        assert low <= sums.min() <= low + 200  # a bound holds before the bias as well
        assert high - 200 <= sums.max() <= high
        out = layer.output(source)
        assert (out.signed, out.low <= low, high <= out.high) == (True, True, True)
        assert not out.low // 2 <= low or not high <= out.high // 2  # not a bit too wide


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [
        ((2, 2), (2, 2), (0, 0, 0, 0)),
        ((3, 3), (2, 1), (1, 1, 2, 1)),
        ((3, 1), (1, 2), (2, 2, 0, 0)),
    ],
)
@pytest.mark.parametrize("signed", [False, True])
def test_max_pool_equals_a_naive_loop(kernel, stride, padding, signed) -> None:
    layer = MaxPool("pool", "x", kernel, stride, padding)
    source = activation((2, 5, 6), 4, signed)
    x = draw(source)
    got = layer.compute(x, source)
    assert got.shape[1:] == layer.output(source).shape
    for n, c, y, v in product(*map(range, got.shape)):
        rows = [y * stride[0] + i - padding[0] for i in range(kernel[0])]
        columns = [v * stride[1] + j - padding[2] for j in range(kernel[1])]
        pixels = [x[n, c, r, k] for r in rows for k in columns if 0 <= r < 5 and 0 <= k < 6]
        assert got[n, c, y, v] == max(pixels, default=source.low)


def test_input_subtracts_the_offset_of_each_channel() -> None:
    layer = Input("x", (2, 1, 2), bits=8, offset=(0, 100))
    x = np.array([[[[0, 255]], [[0, 255]]]])
    np.testing.assert_array_equal(layer.compute(x), [[[[0, 255]], [[-100, 155]]]])
    assert (layer.output().bits, layer.output().signed) == (9, True)


@pytest.mark.parametrize(
    ("bits", "signed", "offset", "expected"),
    [
        (8, False, (), (8, False)),
        (8, False, (255,), (9, True)),
        (8, False, (1,), (9, True)),
        (8, False, (-1,), (9, False)),
        (8, True, (), (8, True)),
        (8, True, (-128,), (8, False)),
        (2, False, (3,), (3, True)),
    ],
)
def test_input_is_as_wide_as_its_offset_requires(bits, signed, offset, expected) -> None:
    out = Input("x", (1, 1, 1), bits, 1.0, offset, signed).output()
    assert (out.bits, out.signed) == expected


def test_counts_of_a_pruned_layer() -> None:
    mask = np.zeros((2, 3, 3, 3), bool)
    mask[0, 1], mask[1, :, 0, 0] = True, True
    layer = Conv("c", "x", np.zeros(mask.shape, int), np.zeros(2, int), mask=mask)
    assert layer.parameters == 9 + 3 + 2  # surviving weights that are zero by value count
    assert layer.macs(activation((3, 5, 6))) == 12 * 3 * 4


def an_input(**changes) -> Input:
    return Input(**{"name": "x", "shape": (2, 4, 4), **changes})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bits": 1}, "layer 'x': bits must be 2 to 9 or 16, not 1"),
        ({"bits": 10}, "layer 'x': bits must be 2 to 9 or 16, not 10"),
        ({"shape": (2, 4)}, "layer 'x': shape must be (1..512, 1..4096, 1..224), not (2, 4)"),
        (
            {"shape": (513, 4, 4)},
            "layer 'x': shape must be (1..512, 1..4096, 1..224), not (513, 4, 4)",
        ),
        ({"shape": (2, 0, 4)}, "layer 'x': shape must be (1..512, 1..4096, 1..224), not (2, 0, 4)"),
        ({"offset": (1,)}, "layer 'x': offset must have 2 entries, not 1"),
    ],
)
def test_wrong_input(changes, sentence) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        an_input(**changes)


def test_offset_that_makes_elements_too_wide() -> None:
    with pytest.raises(ValueError, match=r"^layer 'x': bits must be 2 to 9 or 16, not 10$"):
        an_input(bits=9, offset=(1, 300)).output()


@pytest.mark.parametrize(
    ("x", "kind", "sentence"),
    [
        (np.zeros((1, 2, 4, 5), int), ValueError, "pictures must have shape (N, (2, 4, 4)), not"),
        (np.zeros((2, 4, 4), int), ValueError, "pictures must have shape (N, (2, 4, 4)), not"),
        (np.zeros((1, 2, 4, 4)), TypeError, "pictures must be integers, not float64"),
        (np.full((1, 2, 4, 4), 256), ValueError, "pixels must be 0 to 255, not "),
        (np.full((1, 2, 4, 4), -1), ValueError, "pixels must be 0 to 255, not "),
    ],
)
def test_wrong_pictures(x, kind, sentence) -> None:
    with pytest.raises(kind, match=f"^{re.escape(sentence)}"):
        an_input().compute(x)


def a_conv(**changes) -> Conv:
    values = {
        "name": "c",
        "source": "x",
        "weight": np.ones((2, 3, 3, 3), int),
        "bias": np.zeros(2, int),
        "multiplier": np.ones(2, int),
        "shift": np.full(2, 8),
    }
    return Conv(**values | changes)


HALF = np.arange(54).reshape(2, 3, 3, 3) % 2 == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weight": np.ones((2, 3), int)}, "weight must have 4 axes, not 2"),
        ({"weight": np.ones((0, 3, 3, 3), int)}, "outputs must be 1 to 4096, not 0"),
        ({"mask": HALF[:1]}, "mask must be bool (2, 3, 3, 3), not bool (1, 3, 3, 3)"),
        ({"mask": HALF.astype(int)}, "mask must be bool (2, 3, 3, 3), not int64 (2, 3, 3, 3)"),
        ({"mask": HALF}, "a pruned weight must be zero, not that at [[0, 0, 0, 1]]"),
        ({"weight_bits": 1}, "weight_bits must be 2 to 8, not 1"),
        ({"weight_bits": 9}, "weight_bits must be 2 to 8, not 9"),
        ({"weight": np.full((2, 3, 3, 3), 128)}, "weights must be -128 to 127, not 128"),
        (
            {"weight": np.full((2, 3, 3, 3), -9), "weight_bits": 4},
            "weights must be -8 to 7, not -9",
        ),
        ({"bias": np.zeros(3, int)}, "bias must have 2 entries, not 3"),
        ({"channels": (1,)}, "channels must have 2 entries, not 1"),
        ({"channels": (1, 1)}, "channels must ascend, not (1, 1)"),
        ({"granularity": "random"}, "granularity 'random' unknown"),
        (
            {"weight": np.ones((2, 3, 0, 3), int)},
            "kernel must be two numbers from 1 to 4096, not (0, 3)",
        ),
        (
            {"bias": np.array([0, 1 << 40])},
            "bias must be -1099511627775 to 1099511627775, not 0 to 1099511627776",
        ),
        ({"groups": 0}, "groups must divide the 2 outputs, not 0"),
        ({"groups": 3}, "groups must divide the 2 outputs, not 3"),
        ({"stride": (0, 1)}, "stride must be two numbers from 1 to 16, not (0, 1)"),
        ({"stride": (1,)}, "stride must be two numbers from 1 to 16, not (1,)"),
        ({"dilation": (1, 17)}, "dilation must be two numbers from 1 to 16, not (1, 17)"),
        (
            {"padding": (0, 3, 0, 0)},
            "padding must be four numbers below the kernel's extent (3, 3), not (0, 3, 0, 0)",
        ),
        (
            {"padding": (0, 0, -1, 0)},
            "padding must be four numbers below the kernel's extent (3, 3), not (0, 0, -1, 0)",
        ),
        (
            {"padding": (0, 0)},
            "padding must be four numbers below the kernel's extent (3, 3), not (0, 0)",
        ),
        ({"shift": None}, "multiplier and shift must be given together"),
        ({"multiplier": None}, "multiplier and shift must be given together"),
        ({"bits": 10}, "bits must be 2 to 9 or 16, not 10"),
        ({"multiplier": np.ones(3, int)}, "multiplier must have 2 entries, not 3"),
        ({"multiplier": np.array([1, -1])}, "multiplier must be 0 to 65535, not -1 to 1"),
        ({"multiplier": np.array([1, 65536])}, "multiplier must be 0 to 65535, not 1 to 65536"),
        ({"shift": np.array([0, 1])}, "shift must be 1 to 40, not 0 to 1"),
        ({"shift": np.array([1, 41])}, "shift must be 1 to 40, not 1 to 41"),
    ],
)
def test_wrong_conv(changes, sentence) -> None:
    with pytest.raises(ValueError, match=f"^layer 'c': {re.escape(sentence)}$"):
        a_conv(**changes)


@pytest.mark.parametrize("key", ["weight", "bias", "multiplier", "shift"])
def test_numbers_of_a_conv_are_integers(key) -> None:
    wrong = getattr(a_conv(), key) * np.nan
    with pytest.raises(TypeError, match=f"^layer 'c': {key} must be integers, not float64$"):
        a_conv(**{key: wrong})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"kernel": (0, 2)}, "kernel must be two numbers from 1 to 32, not (0, 2)"),
        ({"kernel": (2, 33)}, "kernel must be two numbers from 1 to 32, not (2, 33)"),
        ({"stride": (17, 1)}, "stride must be two numbers from 1 to 16, not (17, 1)"),
        (
            {"padding": (2, 0, 0, 0)},
            "padding must be four numbers below the kernel's extent (2, 2), not (2, 0, 0, 0)",
        ),
    ],
)
def test_wrong_max_pool(changes, sentence) -> None:
    with pytest.raises(ValueError, match=f"^layer 'p': {re.escape(sentence)}$"):
        MaxPool("p", "x", **changes)


@pytest.mark.parametrize(
    ("layer", "shape", "sentence"),
    [
        (a_conv(), (3, 2, 3), "layer 'c': height 2 must be at least 3"),
        (a_conv(padding=(0, 0, 1, 0)), (3, 3, 1), "layer 'c': width 1 must be at least 2"),
        (MaxPool("p", "x"), (3, 3, 1), "layer 'p': width 1 must be at least 2"),
    ],
)
def test_map_smaller_than_the_window(layer, shape, sentence) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        layer.output(activation(shape))


def test_channels_that_do_not_match() -> None:
    with pytest.raises(ValueError, match=r"^layer 'c': has 3 input channels, but .* produces 4$"):
        a_conv().output(activation((4, 5, 5)))
