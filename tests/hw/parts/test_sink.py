from dataclasses import replace

import numpy as np
import pytest

from hw.layers import Activation
from hw.parts.sink import RasterSink, VectorSink
from tests.hw.beats import encode, one_stream, to_beats
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
    link = one_stream(form, 1)
    words = [
        encode(link, 0, [(c, [v])])
        for frame in values.reshape(6, -1).tolist()
        for c, v in enumerate(frame)
    ]
    out = transfer(VectorSink(link), words, len(words), i_stall, o_stall)
    elements, last = split(form, out.words, 1)
    np.testing.assert_array_equal(np.array(elements).reshape(values.shape), values)
    assert last == ([0] * (channels - 1) + [1]) * 6


@crossed_stalls
@pytest.mark.parametrize(
    ("channels", "streams"),
    [(5, ((3, 4, 0, 1, 2),)), (5, ((3, 0, -1), (4, 1, 2))), (4, ((0,), (2,), (1,), (3,)))],
)
def test_vector_is_gathered_whatever_its_order(channels, streams, i_stall, o_stall) -> None:
    form = activation((channels, 1, 1), 7, True)
    values, link = draw(form, 5), replace(one_stream(form, 1), streams=streams)
    words = to_beats(values, link)
    out = transfer(RasterSink(link), words, 5 * channels, i_stall, o_stall)
    elements, last = split(form, out.words, 1)
    np.testing.assert_array_equal(np.array(elements).reshape(values.shape), values)
    assert last == ([0] * (channels - 1) + [1]) * 5


@crossed_stalls
@pytest.mark.parametrize(
    ("shape", "bits", "signed", "lanes", "streams"),
    [
        ((3, 4, 7), 5, False, 3, None),
        ((2, 2, 8), 9, True, 4, None),
        ((1, 3, 1), 8, False, 1, None),
        ((4, 1, 5), 3, True, 5, None),
        ((2, 3, 4), 16, True, 1, None),
        ((5, 3, 7), 5, True, 3, ((3, 0, -1), (4, 1, 2))),
        ((3, 2, 4), 5, True, 4, ((1,), (0,), (2,))),
    ],
)
def test_map_leaves_in_raster_order(shape, bits, signed, lanes, streams, i_stall, o_stall) -> None:
    """Whatever the order in which the beats of a row came."""
    form = activation(shape, bits, signed)
    link = one_stream(form, lanes)
    link = replace(link, streams=streams or link.streams)
    values, pixels = draw(form, 3), shape[1] * shape[2]
    out = transfer(RasterSink(link), to_beats(values, link), 3 * pixels, i_stall, o_stall)
    elements, last = split(form, out.words, shape[0])
    got = np.array(elements).reshape(3, *shape[1:], shape[0]).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(got, values)
    assert last == ([0] * (pixels - 1) + [1]) * 3


def test_map_leaves_a_pixel_a_cycle() -> None:
    link = one_stream(activation((1, 4, 6), 8, False), 6)
    words = [encode(link, 0, [(0, [1, 2, 3, 4, 5, 6])])] * 12
    out = transfer(RasterSink(link), words, 72)
    assert np.diff(out.cycles).tolist() == [1] * 71
