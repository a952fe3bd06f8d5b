import numpy as np
import pytest

from hw.columns import Columns
from hw.layers import Input
from hw.link import Link
from hw.network import Network
from hw.parts.source import PixelSource, RasterSource
from tests.hw.beats import decode
from tests.hw.networks import pictures
from tests.hw.pipeline import input_words
from tests.hw.streams import crossed_stalls, driver, never, run, transfer

PICTURES = {
    "plain": Input("x", (3, 4, 7), bits=5),
    "offset": Input("x", (2, 3, 5), bits=8, offset=(7, 255)),
    "signed": Input("x", (1, 2, 6), bits=4, signed=True),
    "one pixel": Input("x", (2, 1, 1), bits=8),
    "wide": Input("x", (4, 1, 3), bits=16),
}


def network(layer: Input) -> Network:
    return Network("net", (layer,))


def beats_of(layer: Input, link: Link, frames: np.ndarray, words: list[int]) -> None:
    """Assert that words are the beats of frames: row by row, column by column, all channels."""
    values, got, columns = layer.compute(frames), iter(words), link.columns
    width = layer.shape[2]
    for frame in values:
        for y in range(layer.shape[1]):
            for column in range(columns.block):
                for channel in range(layer.shape[0]):
                    place, [(carried, pixels)] = decode(link, next(got))
                    assert (carried, place) == (channel, column)
                    for lane, pixel in enumerate(pixels):
                        x = lane * columns.block + column
                        assert x >= width or pixel == frame[channel, y, x]
    assert next(got, None) is None


@crossed_stalls
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("lanes", [1, 2, 3, "all"])
def test_pixels_become_beats(name, lanes, i_stall, o_stall) -> None:
    layer = PICTURES[name]
    width = layer.shape[2]
    columns = Columns(width, width if lanes == "all" else min(lanes, width))
    dut = PixelSource(layer) if lanes == 1 else RasterSource(layer, columns)
    frames = pictures(network(layer), 3)
    count = 3 * layer.shape[0] * layer.shape[1] * columns.block
    out = transfer(dut, input_words(network(layer), frames), count, i_stall, o_stall)
    beats_of(layer, Link.of_one("x", layer.output(), columns), frames, out.words)


@pytest.mark.parametrize("lanes", [1, 4])
def test_input_takes_a_pixel_a_cycle_when_its_beats_leave_as_fast(lanes) -> None:
    layer = Input("x", (1 if lanes == 1 else 3, 4, 8))
    dut = PixelSource(layer) if lanes == 1 else RasterSource(layer, Columns(8, lanes))
    words = input_words(network(layer), pictures(network(layer), 3))
    out = transfer(dut, words, 3 * 4 * (8 // lanes) * layer.shape[0])
    rows = out.cycles[8 // lanes * layer.shape[0] - 1 :: 8 // lanes * layer.shape[0]]
    assert np.diff(rows).tolist() == [8] * 11


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize(
    ("flip", "misframed"),
    [(None, 0), (3, 1), (11, 1), (23, 1)],
    ids=["right", "early", "no", "2nd"],
)
def test_misframed_is_sticky(lanes, flip, misframed) -> None:
    layer = Input("x", (1, 3, 4))
    dut = PixelSource(layer) if lanes == 1 else RasterSource(layer, Columns(4, lanes))
    words = input_words(network(layer), pictures(network(layer), 3))
    if flip is not None:
        words[flip] ^= 1 << 8
    seen = []

    async def watch(ctx):
        ctx.set(dut.o.ready, 1)
        for _ in range(100):
            _, _, flag = await ctx.tick().sample(dut.misframed)
            seen.append(flag)

    run(dut, driver(dut.i, words, never(), 200), watch)
    assert seen[-1] == misframed
    assert seen == sorted(seen)
    assert seen[0] == 0
