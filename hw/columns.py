"""Placement of a row's columns over lanes, and the writes that bring a producer's beats there."""

from dataclasses import dataclass


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
    lane is a plain read of one word. Words of columns outside the picture are never written.

    Parameters
    ----------
    width : int
        Columns of the input row.
    lanes : int
        Segments.
    words : int
        Columns of a segment, halo included.
    pitch : int
        Columns from one segment's start to the next.
    padding : int
        Columns by which the first segment starts left of the picture.
    """

    width: int
    lanes: int
    words: int
    pitch: int
    padding: int

    @staticmethod
    def of(columns: Columns, width: int, stride: int, extent: int, padding: int) -> "Segments":
        """Segments that lanes computing `columns` read, with a kernel of `extent` columns."""
        words = (columns.block - 1) * stride + extent
        return Segments(width, columns.lanes, words, columns.block * stride, padding)

    def places(self, column: int) -> list[tuple[int, int]]:
        """Every ``(lane, word)`` at which a column of the picture is stored."""
        starts = [lane * self.pitch - self.padding for lane in range(self.lanes)]
        return [(p, column - s) for p, s in enumerate(starts) if 0 <= column - s < self.words]

    def writes(self, producer: Columns) -> tuple[tuple[Write, ...], ...]:
        """List the writes that each of the producer's beats takes, by the beat's column.

        A beat whose columns nobody reads still takes one write, of no lane.
        """
        plan = []
        for column in range(producer.block):
            words: dict[int, list[tuple[int, int]]] = {}
            for source in range(producer.lanes):
                x = source * producer.block + column
                for lane, word in self.places(x) if x < self.width else ():
                    words.setdefault(word, []).append((lane, source))
            steps = tuple(Write(word, tuple(sources)) for word, sources in sorted(words.items()))
            plan.append(steps or (Write(0, ()),))
        return tuple(plan)
