"""What a row buffer stores: rows, columns and channels of an activation that something reads."""

from dataclasses import dataclass
from functools import cached_property

from hw.columns import Segments, Write
from hw.link import Link
from hw.rows import Rows


@dataclass(frozen=True)
class Bank:
    """One memory of a row buffer.

    Parameters
    ----------
    copy : int
        The copy that it belongs to.
    stream : int
        The stream of the link that writes it.
    channels : tuple of int
        Channels that it holds, ascending.
    """

    copy: int
    stream: int
    channels: tuple[int, ...]


@dataclass(frozen=True)
class Store:
    """A ring of rows in one or several copies, as the writer and the row manager see it.

    Parameters
    ----------
    link : Link
        The beats that arrive.
    rows : Rows
        Rows under the window.
    segments : Segments
        Columns over the lanes.
    copies : tuple of tuple of int
        Channels in each copy.
    """

    link: Link
    rows: Rows
    segments: Segments
    copies: tuple[tuple[int, ...], ...]

    @property
    def lanes(self) -> int:
        """Pixels of a word."""
        return self.segments.columns.lanes

    @cached_property
    def banks(self) -> tuple[Bank, ...]:
        """Memories: of each copy, one for every stream that brings any of its channels."""
        return tuple(
            Bank(copy, stream, kept)
            for copy, channels in enumerate(self.copies)
            for stream, carried in enumerate(self.link.streams)
            if (kept := tuple(sorted(set(channels) & set(carried))))
        )

    @cached_property
    def words_per_column(self) -> int:
        """Words of one column of a segment, the same in every bank: its most channels."""
        return max((len(bank.channels) for bank in self.banks), default=1)

    @cached_property
    def writes(self) -> tuple[tuple[Write, ...], ...]:
        """Writes of each incoming beat, by its column."""
        return self.segments.writes(self.link.columns)

    @property
    def row_words(self) -> int:
        """Words of one row."""
        return self.segments.words * self.words_per_column

    @property
    def depth(self) -> int:
        """Words of a bank."""
        return self.rows.ring * self.row_words

    @property
    def bits(self) -> int:
        """Bits of all banks."""
        return len(self.banks) * self.depth * self.lanes * self.link.activation.bits

    @property
    def write_cycles(self) -> int:
        """Cycles that one picture takes to be written; a row that is not read, one a beat."""
        stored, steps = sum(self.rows.stored), sum(len(steps) for steps in self.writes)
        dropped = self.link.activation.shape[1] - stored
        beats = len(self.link.streams[0])
        return (stored * steps + dropped * self.link.columns.block) * beats
