import numpy as np
import pytest

from hw.columns import Columns
from hw.layers import Activation
from hw.parts.beats import beat
from hw.parts.sink import RasterSink, VectorSink
from tests.hw.streams import crossed_stalls, transfer, unpack


def activation(shape, bits, signed) -> Activation:
    return Activation(shape, bits, signed, 1.0, tuple(range(shape[0])))


def draw(form: Activation, count: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.integers(form.low, form.high, (count, *form.shape), endpoint=True)


def split(form: Activation, words: list[int], elements: int) -> tuple[list, list[int]]:
    """Elements of every word, and its TLAST."""
    width = -(-elements * form.bits // 8) * 8
    return [unpack(w, form.bits, elements, form.signed) for w in words], [w >> width for w in words]


@crossed_stalls
@pytest.mark.parametrize(
    ("channels", "bits", "signed"), [(5, 21, True), (1, 8, False), (4, 3, True)]
)
def test_vector_leaves_element_by_element(channels, bits, signed, i_stall, o_stall) -> None:
    form = activation((channels, 1, 1), bits, signed)
    values = draw(form, 6)
    layout = beat(form, Columns(1, 1))
    words = [
        layout.const({"channel": c, "column": 0, "pixels": [int(v)]}).as_bits()
        for frame in values.reshape(6, -1)
        for c, v in enumerate(frame)
    ]
    out = transfer(VectorSink(form), words, len(words), i_stall, o_stall)
    elements, last = split(form, out.words, 1)
    np.testing.assert_array_equal(np.array(elements).reshape(values.shape), values)
    assert last == ([0] * (channels - 1) + [1]) * 6


@crossed_stalls
@pytest.mark.parametrize(
    ("shape", "bits", "signed", "lanes"),
    [
        ((3, 4, 7), 5, False, 3),
        ((2, 2, 8), 9, True, 4),
        ((1, 3, 1), 8, False, 1),
        ((4, 1, 5), 3, True, 5),
        ((2, 3, 4), 16, True, 1),
    ],
)
def test_map_leaves_in_raster_order(shape, bits, signed, lanes, i_stall, o_stall) -> None:
    """Whatever the order in which the beats of a row came."""
    form, columns = activation(shape, bits, signed), Columns(shape[2], lanes)
    values, rng = draw(form, 3), np.random.default_rng(2)
    layout, words = beat(form, columns), []
    padding = columns.block * lanes - shape[2]
    for row in values.transpose(0, 2, 1, 3).reshape(-1, shape[0], shape[2]):
        padded = np.pad(row, ((0, 0), (0, padding)))
        beats = [
            {"channel": c, "column": k, "pixels": padded[c, k :: columns.block].tolist()}
            for c in range(shape[0])
            for k in range(columns.block)
        ]
        words += [layout.const(beats[k]).as_bits() for k in rng.permutation(len(beats))]
    pixels = shape[1] * shape[2]
    out = transfer(RasterSink(form, columns), words, 3 * pixels, i_stall, o_stall)
    elements, last = split(form, out.words, shape[0])
    got = np.array(elements).reshape(3, *shape[1:], shape[0]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(got, values)
    assert last == ([0] * (pixels - 1) + [1]) * 3


def test_map_leaves_a_pixel_a_cycle() -> None:
    form, columns = activation((1, 4, 6), 8, False), Columns(6, 6)
    layout = beat(form, columns)
    words = [layout.const({"pixels": [1, 2, 3, 4, 5, 6]}).as_bits()] * 12
    out = transfer(RasterSink(form, columns), words, 72)
    assert np.diff(out.cycles).tolist() == [1] * 71
