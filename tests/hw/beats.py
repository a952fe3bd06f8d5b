"""Maps as the beats that travel between layers."""

import numpy as np

from hw.columns import Columns
from hw.layers import Activation
from hw.link import Link
from hw.parts.beats import beat
from tests.hw.streams import unpack


def one_stream(form: Activation, lanes: int, name: str = "x") -> Link:
    return Link.of_one(name, form, Columns(form.shape[2], lanes))


def encode(link: Link, column: int, maps: list[tuple[int, list[int]]]) -> int:
    """Encode a beat with a channel and its pixels for each stream."""
    fields = [{"channel": channel, "pixels": pixels} for channel, pixels in maps]
    return beat(link).const({"column": column, "maps": fields}).as_bits()


def decode(link: Link, word: int) -> tuple[int, list[tuple[int, list[int]]]]:
    """Column of a beat, and a channel and its pixels for each stream."""
    form, lanes, fields = link.activation, link.columns.lanes, dict(beat(link))
    size = fields["maps"].width // len(link.streams)

    def bits(offset: int, width: int) -> int:
        return (word >> offset) & ((1 << width) - 1)

    maps = []
    for e in range(len(link.streams)):
        one = bits(fields["maps"].offset + e * size, size)
        channel_bits = size - lanes * form.bits
        pixels = unpack(one >> channel_bits, form.bits, lanes, form.signed)
        maps.append((one & ((1 << channel_bits) - 1), pixels))
    return bits(fields["column"].offset, fields["column"].width), maps


def to_beats(values: np.ndarray, link: Link) -> list[int]:
    """Beats of maps (N, C, H, W), those of a row in any order."""
    form, columns = link.activation, link.columns
    rng, words = np.random.default_rng(3), []
    padding = columns.block * columns.lanes - form.shape[2]
    for row in values.transpose(0, 2, 1, 3).reshape(-1, form.shape[0], form.shape[2]):
        padded = np.pad(row, ((0, 0), (0, padding)))
        for k in rng.permutation(link.row_beats).tolist():
            together, column = divmod(k, columns.block)
            maps = [
                (o, padded[o, column :: columns.block].tolist())
                if o >= 0
                else (form.shape[0], [form.low] * columns.lanes)
                for o in (stream[together] for stream in link.streams)
            ]
            words.append(encode(link, column, maps))
    return words


def from_beats(words: list[int], link: Link) -> np.ndarray:
    """Maps (N, C, H, W) of beats; every pixel must come exactly once."""
    columns, (channels, height, width) = link.columns, link.activation.shape
    rows = np.zeros((len(words) // link.row_beats, channels, width), int)
    times = np.zeros_like(rows)
    for index, word in enumerate(words):
        column, maps = decode(link, word)
        for e, (channel, pixels) in enumerate(maps):
            assert channel in link.streams[e] or (channel == channels and link.gaps)
            for lane, pixel in enumerate(pixels):
                x = lane * columns.block + column
                if x < width and channel < channels:
                    rows[index // link.row_beats, channel, x] = pixel
                    times[index // link.row_beats, channel, x] += 1
    assert (times == 1).all()
    return rows.reshape(-1, height, channels, width).transpose(0, 2, 1, 3)
