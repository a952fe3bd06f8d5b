"""What the sequencers of a layer read, entry by entry."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Walk:
    """Taps of every sequencer, as places in its copy of the row buffer.

    Parameters
    ----------
    row, column : (N, R) int
        Place in the kernel's extent.
    local : (N, R) int
        Channel, as its place among those of the sequencer's copy.
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
