"""Event models of a pipeline's ends, at which nothing ever waits."""

from collections import deque
from collections.abc import Iterator

from hw.columns import Columns
from hw.event_links import History, Sender, Taker
from hw.layers import Activation
from hw.timing import SINK_ROWS, SOURCE_ROWS


class PixelSourceModel(Sender):
    """`hw.parts.source.PixelSource` at an input that never waits, from cycle 0."""

    def __init__(self, picture: Activation, columns: Columns) -> None:
        super().__init__()
        channels, self.height, _ = picture.shape
        self.beats = [column for column in range(columns.block) for _ in range(channels)]
        self.at, self.sent = 0, 0
        self.ended: list[int] = []  # by frame, what decides the next ones

    def clocks_out(self) -> list[int]:
        return [self.at]

    def set_clocks_out(self, clocks: Iterator[int]) -> None:
        self.at = next(clocks)

    def ready(self) -> bool:
        """Whether a row can be sent."""
        return True

    def send_row(self, consumer: Taker) -> None:
        """Send a row, a pixel at a time."""
        self.send_after(self.at, consumer)
        consumer.row_taken()
        self.sent += 1
        if self.sent % self.height == 0:
            self.ended += self.times()

    def send_beats(self, start: int, consumer: Taker) -> int:
        for column in self.beats:
            self.at = consumer.take(column, self.at + 1)
        return 0

    def times(self) -> list[int]:
        """Return the times that decide when later rows are sent."""
        return [self.at]

    def histories(self) -> list[History]:
        """Return the times of all frames so far that decide those of later frames."""
        return [(self.ended, len(self.times()))]


class RasterSourceModel(PixelSourceModel):
    """`hw.parts.source.RasterSource` at an input that never waits, from cycle 0."""

    def __init__(self, picture: Activation, columns: Columns) -> None:
        super().__init__(picture, columns)
        self.width = columns.width
        self.entered = -1  # cycle in which the last pixel of a row enters
        self.left = deque([-1] * SOURCE_ROWS, maxlen=SOURCE_ROWS)  # last beat of each row

    def send_row(self, consumer: Taker) -> None:
        """Gather a row, then send it."""
        self.entered = max(self.entered, self.left[0]) + self.width
        self.at = max(self.at, self.entered)
        super().send_row(consumer)  # which notes `at` before it is in `left`: that is as good
        self.left.append(self.at)

    def times(self) -> list[int]:
        return [self.at, self.entered, *self.left]


class VectorSinkModel(Taker):
    """`hw.parts.axis.VectorSink` before an output that never waits."""

    steps = (1,)

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[int] = []  # cycle of the last output beat of each frame

    def row_taken(self) -> None:
        self.ends.append(self.free - 1)

    def histories(self) -> list[History]:
        return [(self.ends, 1)]


class RasterSinkModel(Taker):
    """`hw.parts.axis.RasterSink` before an output that never waits."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.height, self.width, self.steps = height, width, (1,) * width
        self.ends: list[int] = []
        self.emptied: list[int] = []  # cycle in which each row's last pixel is loaded

    def open_row(self) -> bool:
        if len(self.emptied) >= SINK_ROWS:
            self.free = max(self.free, self.emptied[-SINK_ROWS] + 1)
        return True

    def row_taken(self) -> None:
        begin = max(self.free, self.emptied[-1] + 1 if self.emptied else 0)
        self.emptied.append(begin + self.width - 1)
        if len(self.emptied) % self.height == 0:
            self.ends.append(self.emptied[-1] + 1)

    def histories(self) -> list[History]:
        return [(self.emptied, self.height)]
