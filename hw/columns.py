"""Placement of a row's columns over lanes, and the writes that bring a producer's beats there."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Columns:
    """Columns of a row as a layer computes them.

    Lane ``p`` owns the columns ``p * block .. p * block + block - 1``.

    Parameters
    ----------
    width : int
        Columns of the row.
    lanes : int
        Pixels computed together.
    """

    width: int
    lanes: int

    @property
    def block(self) -> int:
        """Columns of one lane, which are the beats a channel takes to send a row."""
        return -(-self.width // self.lanes)


@dataclass(frozen=True)
class Write:
    """One word written to the row buffer: ``sources[i] = (lane, lane of the beat)``."""

    word: int
    sources: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Segments:
    """Columns of an input row as a consumer stores them: a segment per lane, halo included.

    A word holds one pixel per lane at the same place in each segment, so that every tap of every
    lane is a plain read of one word. Column ``x`` of a segment lies in plane ``x % stride`` at
    ``x // stride``, so that the next block of columns is one word further whatever the stride, and
    columns that no tap reads are not stored. Words of columns outside the picture are never
    written.

    Parameters
    ----------
    width : int
        Columns of the input row.
    columns : Columns
        Columns of the result over the lanes.
    stride : int
        Columns of the input from one column of the result to the next.
    taps : tuple of int
        Columns of the kernel's extent that any tap reads, ascending.
    padding : int
        Columns by which the first segment starts left of the picture.
    """

    width: int
    columns: Columns
    stride: int
    taps: tuple[int, ...]
    padding: int

    @cached_property
    def planes(self) -> dict[int, tuple[int, int, int]]:
        """For each plane that is read: its first word, its first column in it, and its words."""
        planes, first = {}, 0
        for plane in sorted({x % self.stride for x in self.taps}):
            reads = [x // self.stride for x in self.taps if x % self.stride == plane]
            words = self.columns.block - 1 + reads[-1] - reads[0] + 1
            planes[plane] = (first, reads[0], words)
            first += words
        return planes

    @property
    def words(self) -> int:
        """Words of one channel of a row."""
        return sum(words for _, _, words in self.planes.values())

    def first_word(self, tap: int) -> int:
        """Word that a tap's column reads in the first block."""
        first, low, _ = self.planes[tap % self.stride]
        return first + tap // self.stride - low

    def word(self, column: int) -> int | None:
        """Word of a column of a segment, None if it is not stored."""
        plane = self.planes.get(column % self.stride)
        if plane is None:
            return None
        first, low, words = plane
        place = column // self.stride - low
        return first + place if 0 <= place < words else None

    def places(self, column: int) -> list[tuple[int, int]]:
        """Every ``(lane, word)`` at which a column of the picture is stored."""
        pitch = self.columns.block * self.stride
        inside = [(p, column + self.padding - p * pitch) for p in range(self.columns.lanes)]
        words = [(p, self.word(x)) for p, x in inside if x >= 0]
        return [(p, word) for p, word in words if word is not None]

    @cached_property
    def _placed(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        return tuple(tuple(self.places(column)) for column in range(self.width))

    def writes(self, producer: Columns) -> tuple[tuple[Write, ...], ...]:
        """List the writes that each of the producer's beats takes, by the beat's column.

        A beat whose columns nobody reads still takes one write, of no lane.
        """
        plan = []
        for column in range(producer.block):
            words: dict[int, list[tuple[int, int]]] = {}
            for source in range(producer.lanes):
                x = source * producer.block + column
                for lane, word in self._placed[x] if x < self.width else ():
                    words.setdefault(word, []).append((lane, source))
            steps = tuple(Write(word, tuple(sources)) for word, sources in sorted(words.items()))
            plan.append(steps or (Write(0, ()),))
        return tuple(plan)
