"""What the sequencers of a layer read, entry by entry."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hw.columns import Segments
from hw.schedule import Schedule


@dataclass(frozen=True, eq=False)
class Walk:
    """Taps of every sequencer, as places in its copy of the row buffer.

    Parameters
    ----------
    row, column : (N, R) int
        Place in the kernel's extent; columns of a channel from another link are numbered on.
    local : (N, R) int
        Channel, as its place among those of its bank, and above it the number of the bank.
    idle : (N, R) bool
        The sequencer has no tap.
    last : (N, R) bool
        The tap is the last one of a list, or of a part of it.
    words : (columns,) int
        Word of a row at which each column of the kernel begins: that of its channel 0.
    needless : bool
        Whether an idle entry may read anything, because its weight is zero.
    """

    row: np.ndarray
    column: np.ndarray
    local: np.ndarray
    idle: np.ndarray
    last: np.ndarray
    words: np.ndarray
    needless: bool

    def __len__(self) -> int:
        return len(self.row)

    @property
    def sequencers(self) -> int:
        """Sequencers, R."""
        return self.row.shape[1]

    @property
    def offset(self) -> np.ndarray:
        """Word (N, R) of every tap in its row."""
        return self.words[self.column] + self.local

    @property
    def blank(self) -> np.ndarray:
        """Entries (N, R) that must not read."""
        return self.idle & (not self.needless)


@dataclass(frozen=True, eq=False)
class Taps:
    """Taps as the hardware finds them: row of the window, word in the row, and whether blank."""

    row: np.ndarray
    offset: np.ndarray
    blank: np.ndarray


def locate(
    walked: Schedule,
    segments: Segments,
    banks: Sequence[Sequence[tuple[int, list[int]]]],
    pitches: Sequence[int],
    word_bits: int,
    needless: bool,
) -> Walk:
    """Find where the taps of a schedule lie in the first block of columns.

    Parameters
    ----------
    walked : Schedule
    segments : Segments
        Columns over the lanes.
    banks : for each sequencer, for each of its banks
        The store that the bank belongs to, and its channels.
    pitches : sequence of int
        Words of a column in each store.
    word_bits : int
        Bits of a word's place in a row; those above say which bank.
    needless : bool
        As of `Walk`.
    """
    extent = max(segments.taps) + 1
    words = np.zeros((len(pitches), extent), np.int64)
    for column in segments.taps:
        words[:, column] = [segments.first_word(column) * pitch for pitch in pitches]
    channels = 1 + max((c for own in banks for _, kept in own for c in kept), default=0)
    local = np.zeros((channels, walked.sequencers), np.int64)
    start = np.zeros(channels, np.int64)  # of the words of the channel's store
    for r, own in enumerate(banks):
        for number, (store, kept) in enumerate(own):
            local[kept, r] = np.arange(len(kept)) + (number << word_bits)
            start[kept] = store * extent
    place = np.where(walked.idle, 0, np.take_along_axis(local, walked.channel, axis=0))
    column = np.where(walked.idle, 0, walked.column + start[walked.channel])
    return Walk(walked.row, column, place, walked.idle, walked.last, words.ravel(), needless)
