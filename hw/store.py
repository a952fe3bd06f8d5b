"""What a row buffer stores: rows, columns and channels of an activation that something reads."""

from dataclasses import dataclass
from functools import cached_property

from hw.columns import Columns, Segments, Write
from hw.layers import Activation
from hw.rows import Rows


@dataclass(frozen=True)
class Store:
    """A ring of rows in one or several copies, as the writer and the row manager see it.

    Parameters
    ----------
    source : Activation
        Format of what arrives.
    producer : Columns
        Columns of the beats that arrive.
    rows : Rows
        Rows under the window.
    segments : Segments
        Columns over the lanes.
    copies : tuple of tuple of int
        Channels in each copy.
    """

    source: Activation
    producer: Columns
    rows: Rows
    segments: Segments
    copies: tuple[tuple[int, ...], ...]

    @property
    def channels(self) -> int:
        """Channels that arrive."""
        return self.source.shape[0]

    @property
    def lanes(self) -> int:
        """Pixels of a word."""
        return self.segments.columns.lanes

    @cached_property
    def words_per_column(self) -> int:
        """Words of one column of a segment, the same in every copy: its most channels."""
        return max(1, *(len(copy) for copy in self.copies))

    @cached_property
    def writes(self) -> tuple[tuple[Write, ...], ...]:
        """Writes of each incoming beat, by its column."""
        return self.segments.writes(self.producer)

    @property
    def row_words(self) -> int:
        """Words of one row."""
        return self.segments.words * self.words_per_column

    @property
    def depth(self) -> int:
        """Words of a copy."""
        return self.rows.ring * self.row_words

    @property
    def bits(self) -> int:
        """Bits of all copies, each channel counted where it is stored."""
        stored = sum(len(copy) for copy in self.copies)
        words = self.rows.ring * self.segments.words
        return words * stored * self.lanes * self.source.bits

    @property
    def write_cycles(self) -> int:
        """Cycles that one picture takes to be written; a row that is not read, one a beat."""
        stored, steps = sum(self.rows.stored), sum(len(steps) for steps in self.writes)
        dropped = self.source.shape[1] - stored
        return (stored * steps + dropped * self.producer.block) * self.channels
