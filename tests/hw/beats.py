"""Maps as the beats that travel between layers."""

import numpy as np

from hw.columns import Columns
from hw.layers import Activation
from hw.parts.beats import beat
from tests.hw.streams import unpack


def to_beats(values: np.ndarray, form: Activation, columns: Columns) -> list[int]:
    """Beats of maps (N, C, H, W), those of a row in any order."""
    layout, rng, words = beat(form, columns), np.random.default_rng(3), []
    padding = columns.block * columns.lanes - form.shape[2]
    for row in values.transpose(0, 2, 1, 3).reshape(-1, form.shape[0], form.shape[2]):
        padded = np.pad(row, ((0, 0), (0, padding)))
        for k in rng.permutation(form.shape[0] * columns.block).tolist():
            channel, column = divmod(k, columns.block)
            pixels = padded[channel, column :: columns.block].tolist()
            words.append(
                layout.const({"channel": channel, "column": column, "pixels": pixels}).as_bits()
            )
    return words


def from_beats(words: list[int], form: Activation, columns: Columns) -> np.ndarray:
    """Maps (N, C, H, W) of beats."""
    fields = dict(beat(form, columns))
    channels, height, width = form.shape
    rows = np.zeros((len(words) // (channels * columns.block), channels, width), int)
    for index, word in enumerate(words):
        channel, column = (
            (word >> fields[k].offset) & ((1 << fields[k].width) - 1) for k in ("channel", "column")
        )
        pixels = unpack(word >> fields["pixels"].offset, form.bits, columns.lanes, form.signed)
        for lane, pixel in enumerate(pixels):
            if (x := lane * columns.block + column) < width:
                rows[index // (channels * columns.block), channel, x] = pixel
    return rows.reshape(-1, height, channels, width).transpose(0, 2, 1, 3)
