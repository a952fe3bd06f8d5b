import re
from itertools import product

import numpy as np
import pytest

from hw.layers import Activation, Add, AvgPool, Concat, Input, MaxPool
from hw.network import Network
from tests.hw.networks import NO_PADDING, conv, pictures


def form(shape, bits=8, signed=False, scale=1.0, channels=()) -> Activation:
    return Activation(shape, bits, signed, scale, tuple(channels) or tuple(range(shape[0])))


def draw(source: Activation, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(source.low, source.high, (2, *source.shape), endpoint=True)


def naive_add(layer: Add, a: np.ndarray, b: np.ndarray, low: int, high: int) -> np.ndarray:
    """What a reader of the number contract would write: Python integers, one loop."""
    result = np.zeros(a.shape, np.int64)
    for n, c, y, x in product(*map(range, a.shape)):
        total = int(a[n, c, y, x]) * layer.multipliers[0] + 2 ** (layer.shift - 1)
        other = layer.channels[c] if layer.channels else c
        if other != -1:
            pixel = b[n, other, y * layer.stride[0], x * layer.stride[1]]
            total += int(pixel) * layer.multipliers[1]
        result[n, c, y, x] = min(max(total // 2**layer.shift, low), high)
    return result


@pytest.mark.parametrize("signs", list(product([False, True], repeat=3)))
@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"multipliers": (1, 1), "shift": 1}, (3, 4, 5)),
        ({"multipliers": (3, 200), "shift": 7, "bits": 6}, (3, 4, 5)),
        ({"multipliers": (65535, 65535), "shift": 40, "bits": 16}, (3, 4, 5)),
        ({"multipliers": (0, 9), "shift": 3}, (3, 4, 5)),
        ({"multipliers": (5, 3), "shift": 3, "stride": (2, 2)}, (3, 7, 10)),
        ({"multipliers": (5, 3), "shift": 3, "stride": (1, 3), "channels": (-1, 1, 0)}, (2, 4, 13)),
        ({"multipliers": (5, 3), "shift": 2, "channels": (2, 2, 0)}, (5, 4, 5)),
        ({"multipliers": (5, 3), "shift": 2, "channels": (-1, -1, -1)}, (1, 4, 5)),
        ({"multipliers": (5, 3), "shift": 2}, (4, 4, 5)),
    ],
)
def test_add_equals_a_naive_loop(options, shape, signs) -> None:
    layer = Add("s", ("a", "b"), signed=signs[0], **options)
    formats = form((3, 4, 5), 8, signs[1]), form(shape, 5, signs[2])
    a, b = draw(formats[0], 1), draw(formats[1], 2)
    out = layer.output(*formats)
    assert (out.shape, out.bits, out.signed) == ((3, 4, 5), layer.bits, signs[0])
    expected = naive_add(layer, a, b, out.low, out.high)
    np.testing.assert_array_equal(layer.compute(a, b, formats), expected)


@pytest.mark.parametrize(
    ("signed", "a", "b", "expected"),
    [
        (True, [0, 1, 2, -1, -2, -3], [1, 2, 3, 0, -1, 0], [1, 2, 3, 0, -1, -1]),
        (True, [7, 7, -8, -8], [7, 5, -8, -6], [3, 3, -4, -4]),
        (False, [7, -8, 5, -1], [7, -8, 2, 0], [7, 0, 4, 0]),
    ],
    ids=["ties go up", "saturates both ends", "unsigned"],
)
def test_halves_by_hand(signed, a, b, expected) -> None:
    layer = Add("s", ("a", "b"), (1, 1), 1, bits=3, signed=signed)
    source = form((1, 1, len(a)), 4, True)
    first, second = (np.array(values).reshape(1, 1, 1, -1) for values in (a, b))
    assert layer.compute(first, second, (source, source)).ravel().tolist() == expected


def test_channels_before_pruning_are_those_of_the_first() -> None:
    first, second = form((2, 3, 3), channels=(1, 4)), form((2, 3, 3), channels=(0, 2))
    out = Add("s", ("a", "b"), (1, 1), 1, scale=0.5).output(first, second)
    assert (out.channels, out.scale) == ((1, 4), 0.5)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sources": ("a",)}, "sources must be two, not 1"),
        ({"sources": ("a", "b", "c")}, "sources must be two, not 3"),
        ({"multipliers": (1,)}, "multipliers must be two numbers from 0 to 65535, not (1,)"),
        ({"multipliers": (1, -1)}, "multipliers must be two numbers from 0 to 65535, not (1, -1)"),
        (
            {"multipliers": (65536, 1)},
            "multipliers must be two numbers from 0 to 65535, not (65536, 1)",
        ),
        ({"shift": 0}, "shift must be 1 to 40, not 0"),
        ({"shift": 41}, "shift must be 1 to 40, not 41"),
        ({"bits": 10}, "bits must be 2 to 9 or 16, not 10"),
        ({"scale": 0.0}, "scale must be a positive number, not 0.0"),
        ({"stride": (0, 1)}, "stride must be two numbers from 1 to 4, not (0, 1)"),
        ({"stride": (1, 5)}, "stride must be two numbers from 1 to 4, not (1, 5)"),
    ],
)
def test_wrong_add(changes, sentence) -> None:
    values = {"sources": ("a", "b"), "multipliers": (1, 1), "shift": 1} | changes
    with pytest.raises(ValueError, match=f"^layer 's': {re.escape(sentence)}$"):
        Add("s", **values)


@pytest.mark.parametrize(
    ("options", "shape", "sentence"),
    [
        ({}, (2, 4, 4), "maps must have one size, not (4, 5) and (4, 4)"),
        ({"stride": (2, 2)}, (2, 4, 5), "maps must have one size, not (4, 5) and (2, 3)"),
        ({"channels": (0,)}, (2, 4, 5), "channels must have 2 entries, not 1"),
        ({"channels": (0, 2)}, (2, 4, 5), "channels must be -1 to 1, not 0 to 2"),
        ({"channels": (-2, 0)}, (2, 4, 5), "channels must be -1 to 1, not -2 to 0"),
        ({}, (1, 4, 5), "channels must be -1 to 0, not 0 to 1"),
    ],
)
def test_maps_that_cannot_be_added(options, shape, sentence) -> None:
    layer = Add("s", ("a", "b"), (1, 1), 1, **options)
    with pytest.raises(ValueError, match=f"^layer 's': {re.escape(sentence)}$"):
        layer.output(form((2, 4, 5)), form(shape))


def test_concat_puts_channels_one_after_the_other() -> None:
    layer = Concat("c", ("a", "b", "a"))
    formats = form((2, 3, 4), 5, True, 0.5), form((1, 3, 4), 5, True, 0.5)
    a, b = draw(formats[0], 1), draw(formats[1], 2)
    out = layer.output(formats[0], formats[1], formats[0])
    assert out == form((5, 3, 4), 5, True, 0.5)
    result = layer.compute(a, b, a)
    for channel, (which, index) in enumerate([(a, 0), (a, 1), (b, 0), (a, 0), (a, 1)]):
        np.testing.assert_array_equal(result[:, channel], which[:, index])


def test_concat_of_one() -> None:
    with pytest.raises(ValueError, match=r"^layer 'c': sources must be two or more, not 1$"):
        Concat("c", ("a",))


@pytest.mark.parametrize(
    "other",
    [
        form((2, 3, 5)),
        form((2, 3, 4), bits=7),
        form((2, 3, 4), signed=True),
        form((2, 3, 4), scale=0.5),
    ],
)
def test_concat_of_different_maps(other) -> None:
    with pytest.raises(ValueError, match=r"^layer 'c': maps must have one size and format, not "):
        Concat("c", ("a", "b")).output(form((2, 3, 4)), other)


def every_kind() -> Network:
    rng = np.random.default_rng(1)
    layers = (
        Input("x", (2, 8, 8), bits=5, scale=0.1, offset=(1, 2)),
        conv(rng, "a", "x", (2, 4), density=0.5),
        conv(rng, "b", "a", (4, 6), stride=(2, 2), signed=True),
        Add("s", ("b", "a"), (3, 5), 3, stride=(2, 2), channels=(-1, 0, 1, 2, 3, -1), scale=0.3),
        MaxPool("m", "s", (3, 3), (1, 1), (1, 1, 1, 1)),
        Concat("c", ("s", "m")),
        AvgPool("g", "c", (4, 4), (1, 1), 3, 5, scale=0.7),
        conv(rng, "fc", "g", (12, 3), (1, 1), padding=NO_PADDING, raw=True, scale=0.25),
    )
    return Network("kinds", layers)


def test_file_holds_every_kind_of_layer(tmp_path) -> None:
    made, path, again = every_kind(), tmp_path / "kinds.net", tmp_path / "again.net"
    made.save(path)
    loaded = Network.load(path)
    names = [layer.name for layer in made.layers]
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in made.layers]
    assert loaded.formats == made.formats
    loaded.save(again)
    assert again.read_bytes() == path.read_bytes()
    x = pictures(made, 3)
    results, expected = loaded.compute(x, keep=names), made.compute(x, keep=names)
    for layer in (made.layers[3], made.layers[6]):
        assert layer in loaded.layers
    for name in names:
        np.testing.assert_array_equal(results[name], expected[name])


def test_joins_take_what_their_sources_made() -> None:
    made = every_kind()
    results = made.compute(pictures(made, 3), keep=[layer.name for layer in made.layers])
    add = made.layers[3]
    assert isinstance(add, Add)
    expected = naive_add(add, results["b"], results["a"], 0, 255)
    np.testing.assert_array_equal(results["s"], expected)
    np.testing.assert_array_equal(results["c"][:, :6], results["s"])
    np.testing.assert_array_equal(results["c"][:, 6:], results["m"])
