"""Event models of links: who takes beats, who sends them, and forks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

LONG_AGO = -(1 << 30)  # before cycle 0, when the first pixel comes; reset was even before

History = tuple[list[int], int]  # times of events, and how many belong to a frame


class Taker:
    """The end of a link that takes beats: one at a time, each for its number of steps.

    Rows are always welcome, and none is noted, where a subclass does not say otherwise.
    """

    steps: tuple[int, ...]  # by column of the beat

    def __init__(self) -> None:
        self.free = LONG_AGO  # cycle from which a beat may be taken

    def mode(self) -> tuple[bool, ...]:
        """Return what else than `clocks` decides how the beats of a row are taken."""
        return ()

    def clocks(self) -> list[int]:
        """Return the times that decide when the beats of a row are taken."""
        return [self.free]

    def set_clocks(self, clocks: Iterator[int]) -> None:
        """Set what `clocks` returned to the next of some times."""
        self.free = next(clocks)

    def histories(self) -> list[History]:
        """Return the times of all frames so far that decide those of later frames."""
        return []

    def take(self, column: int, at: int) -> int:
        """Take a beat that is offered from cycle `at` on; return when."""
        at = max(at, self.free)
        self.free = at + self.steps[column]
        return at

    def open_row(self) -> bool:
        """Wait for room for the next row; false if it is not known yet when there will be any."""
        return True

    def row_taken(self) -> None:
        """Note that a row's last beat was taken."""


class Sender(ABC):
    """The end of a link that sends rows.

    What happens in a row depends only on the few times at its beginning, so it is worked out once
    and remembered: in a pipeline that is steady, or nearly, hardly any beat is looked at twice.
    """

    def __init__(self) -> None:
        self.known: dict[tuple, tuple[list[int], int]] = {}

    def mode_out(self) -> int:
        """Return what else than `clocks_out` decides when the beats of a row are sent."""
        return 0

    @abstractmethod
    def clocks_out(self) -> list[int]:
        """Return the times that decide when the beats of a row are sent."""

    @abstractmethod
    def set_clocks_out(self, clocks: Iterator[int]) -> None:
        """Set what `clocks_out` returned to the next of some times."""

    @abstractmethod
    def send_beats(self, start: int, consumer: Taker) -> int:
        """Send a row's beats, all behind a cycle; return the cycles lost as they were not taken."""

    def send_after(self, start: int, consumer: Taker) -> int:
        """Send a row's beats as `send_beats`, from memory if a row began alike."""
        began = [t - start if t > start else 0 for t in self.clocks_out() + consumer.clocks()]
        key = (self.mode_out(), consumer.mode(), *began)
        if key not in self.known:
            lost = self.send_beats(start, consumer)
            ended = [t - start if t > start else 0 for t in self.clocks_out() + consumer.clocks()]
            self.known[key] = ended, lost
        ended, lost = self.known[key]
        clocks = iter([start + t for t in ended])
        self.set_clocks_out(clocks)
        consumer.set_clocks(clocks)
        return lost


class ForkModel(Taker):
    """`hw.parts.fork.Fork`: a beat is gone when its last consumer has taken it."""

    def __init__(self, consumers: list[Taker]) -> None:
        super().__init__()
        self.consumers = consumers

    def open_row(self) -> bool:
        opened = [consumer.open_row() for consumer in self.consumers]
        return all(opened)

    def take(self, column: int, at: int) -> int:
        at = max(at, self.free)
        at = max(consumer.take(column, at) for consumer in self.consumers)
        self.free = at + 1
        return at

    def row_taken(self) -> None:
        for consumer in self.consumers:
            consumer.row_taken()

    def mode(self) -> tuple[bool, ...]:
        return tuple(flag for consumer in self.consumers for flag in consumer.mode())

    def clocks(self) -> list[int]:
        return [self.free, *(t for consumer in self.consumers for t in consumer.clocks())]

    def set_clocks(self, clocks: Iterator[int]) -> None:
        self.free = next(clocks)
        for consumer in self.consumers:
            consumer.set_clocks(clocks)
