"""Rows of a picture under a layer's sliding window, and the ring that holds them."""

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Rows:
    """Rows of a picture as a layer's window slides over them, padding included.

    Parameters
    ----------
    height : int
        Rows of the picture.
    outputs : int
        Rows of the result.
    extent : int
        Rows of the window.
    stride : int
        Rows from one window to the next.
    top : int
        Rows of padding above the picture.
    taps : tuple of int
        Rows of the window that any tap reads.
    least : int
        Rows that the ring holds at least.
    """

    height: int
    outputs: int
    extent: int
    stride: int
    top: int
    taps: tuple[int, ...]
    least: int = 1

    @property
    def total(self) -> int:
        """Rows that pass through the window for one picture, padding and unread rows included."""
        return max((self.outputs - 1) * self.stride + self.extent, self.top + self.height)

    @property
    def first_pushes(self) -> int:
        """Rows pushed for the first window, after what the picture before has left unread."""
        return self.total - (self.outputs - 1) * self.stride

    @cached_property
    def outside(self) -> tuple[frozenset[int], ...]:
        """For each row of the result, the rows of its window that lie outside the picture."""
        inside = range(self.top, self.top + self.height)
        starts = range(0, self.outputs * self.stride, self.stride)
        return tuple(
            frozenset(tap for tap in self.taps if start + tap not in inside) for start in starts
        )

    @cached_property
    def stored(self) -> tuple[bool, ...]:
        """Whether each row of the sequence is in the row buffer: inside the picture, and read."""
        read = {y * self.stride + tap for y in range(self.outputs) for tap in self.taps}
        inside = range(self.top, self.top + self.height)
        # A result that needs no row still waits for one, or a layer would run ahead of its input.
        if not read & set(inside[: self.extent - self.top]):
            read.add(self.top)
        return tuple(row in inside and row in read for row in range(self.total))

    def real(self, row: int) -> bool:
        """Whether a row of the sequence, taken modulo `total`, is in the row buffer."""
        return self.stored[row % self.total]

    @cached_property
    def windows(self) -> tuple[tuple[tuple[bool, ...], int], ...]:
        """What makes each window: of each row pushed, if it is real; and the slots then released.

        The first entry is the very first window; the last is the first of a later picture.
        """
        pushes, window, row = [], [False] * self.extent, 0
        counts = [self.extent, *[self.stride] * (self.outputs - 1), self.first_pushes]
        for count in counts:
            flags = tuple(self.real(row + k) for k in range(count))
            row += count
            passing = [*window, *flags]
            pushes.append((flags, sum(passing[:count])))
            window = passing[count:]
        return tuple(pushes)

    @cached_property
    def ring(self) -> int:
        """Rows that the row buffer holds.

        Two successive windows with all between them, which is what must be there before the window
        can move, and one stride more, which hides the time from a producer's last tap to its row
        being visible here. Where one window covers the picture, a second picture is room enough.
        """
        resident = []
        for y in range(self.outputs):
            start = y * self.stride
            after = start + self.stride if y + 1 < self.outputs else self.total
            resident.append(sum(map(self.real, range(start, after + self.extent))))
        return max(self.least, max(resident) + (self.stride if self.outputs > 1 else 0))
