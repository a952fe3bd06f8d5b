"""Event model of a pipeline: when rows, lists and beats of the generated hardware move."""

from collections import deque
from itertools import pairwise

import numpy as np

from hw.columns import Columns
from hw.fold import Folding
from hw.layer_plan import LayerPlan
from hw.layers import Input
from hw.network import Network
from hw.plan import AddPlan, Plan, input_columns, plan
from hw.store import Store
from hw.timing import SINK_ROWS, SOURCE_ROWS

_WRITE = 2  # cycles from a beat's last step to its row being counted by the row manager
_STEADY = 4  # an interval is steady when this many successive frames share it
_MOST_FRAMES = 64
_LONG_AGO = -(1 << 30)  # before cycle 0, when the first pixel comes; reset was even before


def steady_cycles(network: Network, folding: Folding) -> tuple[int, int]:
    """Interval and latency of a pipeline whose ends never stall.

    The interval is that of successive frames once it no longer changes. Where it never settles
    (tiny maps whose frames alternate between, say, 7 and 8 cycles) it is the mean, rounded.

    Returns
    -------
    interval, latency : int
        As `hw.cost.Cost`.
    """
    plans, columns = plan(network, folding), input_columns(network.input, folding)
    stages: dict[str, _PixelSourceModel | _LayerModel | _AddModel] = {}
    takers: dict[str, list[_Taker]] = {network.input.name: []}
    for p in plans:
        stage = _AddModel(p) if isinstance(p, AddPlan) else _LayerModel(p)
        stages[p.name], takers[p.name] = stage, []
        for name, inlet in zip(p.inputs, stage.inlets, strict=True):
            takers[name].append(inlet)
    sink = _sink(plans[-1])
    takers[plans[-1].name].append(sink)
    source = _PixelSourceModel if columns.lanes == 1 else _RasterSourceModel
    stages = {network.input.name: source(network.input, columns), **stages}
    links = {
        name: found[0] if len(found) == 1 else _ForkModel(found) for name, found in takers.items()
    }
    for name, stage in stages.items():
        if isinstance(stage, _AddModel):
            stage.consumer = links[name]
    while True:
        stuck = True
        for name, stage in stages.items():
            while stage.ready() and links[name].open_row():
                stage.send_row(links[name])
                stuck = False
        assert not stuck, "the pipeline blocks itself"
        ends = sink.ends
        gaps = [b - a for a, b in pairwise(ends)]
        if len(set(gaps[-_STEADY:])) == 1 and len(gaps) >= _STEADY:
            return gaps[-1], ends[0]
        if len(ends) >= _MOST_FRAMES:
            half = len(ends) // 2
            return round((ends[-1] - ends[half]) / (len(ends) - 1 - half)), ends[0]


def _sink(last: Plan) -> "_VectorSinkModel | _RasterSinkModel":
    channels, height, width = last.result.shape
    if last.in_order:
        return _VectorSinkModel()
    if (height, width) == (1, 1):
        return _RasterSinkModel(1, channels)
    return _RasterSinkModel(height, width)


class _Taker:
    """The end of a link that takes beats: one at a time, each for its number of steps.

    Rows are always welcome, and none is noted, where a subclass does not say otherwise.
    """

    steps: tuple[int, ...]  # by column of the beat

    def __init__(self) -> None:
        self.free = _LONG_AGO  # cycle from which a beat may be taken

    def take(self, column: int, at: int) -> int:
        """Take a beat that is offered from cycle `at` on; return when."""
        at = max(at, self.free)
        self.free = at + self.steps[column]
        return at

    def open_row(self) -> bool:
        """Wait for room for the next row; false if it is not known yet when there will be any."""
        return True

    def row_taken(self, at: int) -> None:
        """Note that a row's last beat was taken in cycle `at`."""


class _PixelSourceModel:
    """`hw.parts.source.PixelSource` at an input that never waits, from cycle 0."""

    def __init__(self, picture: Input, columns: Columns) -> None:
        channels = range(picture.shape[0])
        self.beats = [column for column in range(columns.block) for _ in channels]
        self.at = 0

    def ready(self) -> bool:
        """Whether a row can be sent."""
        return True

    def send_row(self, consumer: _Taker) -> None:
        """Send a row, a pixel at a time."""
        for column in self.beats:
            self.at = consumer.take(column, self.at + 1)
        consumer.row_taken(self.at)


class _RasterSourceModel(_PixelSourceModel):
    """`hw.parts.source.RasterSource` at an input that never waits, from cycle 0."""

    def __init__(self, picture: Input, columns: Columns) -> None:
        super().__init__(picture, columns)
        self.width = columns.width
        self.entered = -1  # cycle in which the last pixel of a row enters
        self.left = deque([-1] * SOURCE_ROWS, maxlen=SOURCE_ROWS)  # last beat of each row

    def send_row(self, consumer: _Taker) -> None:
        """Gather a row, then send it."""
        self.entered = max(self.entered, self.left[0]) + self.width
        self.at = max(self.at, self.entered)
        super().send_row(consumer)
        self.left.append(self.at)


class _StoreModel(_Taker):
    """`Writer` and `RowManager` of `hw.parts`: rows arrive, free their slots, and windows slide."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        rows = store.rows
        self.steps = tuple(len(writes) for writes in store.writes)
        self.ring, self.windows = rows.ring, rows.windows
        self.stored = rows.stored[rows.top :][: rows.height]
        self.arrived, self.storing = 0, True  # rows that have come; whether this one is kept
        self.visible: list[int] = []  # cycle in which each row is counted by the row manager
        self.freed: list[int] = []  # cycle from which each released slot may be used
        self.pushed = self.window = 0
        self.swap: int | None = None  # cycle in which the window becomes active, if it is waiting
        self.last_swap = self.row_end = _LONG_AGO

    def open_row(self) -> bool:
        self.storing = self.stored[self.arrived % len(self.stored)]
        if not self.storing:
            return True
        row = len(self.visible)
        if row >= self.ring:
            if row - self.ring >= len(self.freed):
                return False
            self.free = max(self.free, self.freed[row - self.ring])
        return True

    def row_taken(self, at: int) -> None:
        self.arrived += 1
        if self.storing:
            self.visible.append(self.free + _WRITE)

    def take(self, column: int, at: int) -> int:
        if self.storing:
            return super().take(column, at)
        at = max(at, self.free)
        self.free = at + 1
        return at

    def ready(self) -> bool:
        """Whether the window of the next row is known to be complete."""
        if self.swap is not None:
            return True
        rows, released = self.windows[self.window]
        if self.pushed + sum(rows) > len(self.visible):
            return False
        at = self.last_swap
        for inside in rows:
            at += 1
            if inside:
                at = max(at, self.visible[self.pushed])
                self.pushed += 1
        self.swap = self.last_swap = max(at + 1, self.row_end)
        self.freed += [self.swap + 1] * released
        self.window = (self.window + 1) % len(self.windows) or 1
        return True

    def end_row(self, at: int) -> None:
        """Note that the row's last read is in cycle `at`."""
        self.row_end, self.swap = at, None


def _runs(ends: np.ndarray) -> tuple[list[tuple[int, int]], int]:
    """Entries up to each that completes outputs, with their number, and those behind the last."""
    places = np.flatnonzero(ends)
    entries = np.diff(places, prepend=-1).tolist()
    runs = list(zip(entries, ends[places].tolist(), strict=True))
    return runs, len(ends) - 1 - int(places[-1])


class _LayerModel(_StoreModel):
    """`hw.layer.LayerEngine`: lists are walked while their window is there; outputs leave."""

    def __init__(self, p: LayerPlan) -> None:
        super().__init__(p.store)
        self.inlets: list[_Taker] = [self]
        self.passes = [_runs(made.ends) for made in p.passes]
        self.class_of, self.y = p.class_of, 0
        self.blocks, self.latency = p.columns.block, p.latency
        self.left = _LONG_AGO  # cycle in which the last output reaches the queue's head
        room = p.queue_depth - p.most_ends + 1
        self.popped = deque([_LONG_AGO] * room, maxlen=room)

    def send_row(self, consumer: _Taker) -> None:
        """Walk the lists of a row; their outputs are taken as the consumer can."""
        assert self.swap is not None
        at = self.swap + 1  # the next cycle in which a tap may be fired
        runs, tail = self.passes[self.class_of[self.y]]
        self.y = (self.y + 1) % len(self.class_of)
        for column in range(self.blocks):
            for entries, outputs in runs:
                at = max(at, self.popped[0] + 1) + entries
                for _ in range(outputs):
                    self.left = max(self.left + 1, at - 1 + self.latency)
                    self.popped.append(consumer.take(column, self.left))
            if tail:
                at = max(at, self.popped[0] + 1) + tail
        self.end_row(at - 1)
        consumer.row_taken(self.popped[-1])


class _AddModel(_Taker):
    """`hw.add.AddEngine`: a beat that passes by is taken when its row waits, and goes on."""

    consumer: _Taker

    def __init__(self, p: AddPlan) -> None:
        super().__init__()
        self.waiting = _StoreModel(p.store)
        self.inlets: list[_Taker] = [self, self.waiting]
        self.latency = p.latency
        self.popped = deque([_LONG_AGO] * p.queue_depth, maxlen=p.queue_depth)

    def ready(self) -> bool:
        """Whether a row can be sent by itself: never, beats only pass by."""
        return False

    def send_row(self, consumer: _Taker) -> None:
        """Beats only pass by."""
        raise AssertionError

    def open_row(self) -> bool:
        if not self.waiting.ready() or not self.consumer.open_row():
            return False
        assert self.waiting.swap is not None
        self.free = max(self.free, self.waiting.swap + 1)
        return True

    def take(self, column: int, at: int) -> int:
        at = max(at, self.free, self.popped[0] + 1)
        self.free = at + 1
        self.popped.append(self.consumer.take(column, at + self.latency))
        return at

    def row_taken(self, at: int) -> None:
        self.waiting.end_row(self.free - 1)
        self.consumer.row_taken(self.popped[-1])


class _ForkModel(_Taker):
    """`hw.parts.fork.Fork`: a beat is gone when its last consumer has taken it."""

    def __init__(self, consumers: list[_Taker]) -> None:
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

    def row_taken(self, at: int) -> None:
        for consumer in self.consumers:
            consumer.row_taken(at)


class _VectorSinkModel(_Taker):
    """`hw.parts.axis.VectorSink` before an output that never waits."""

    steps = (1,)

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[int] = []  # cycle of the last output beat of each frame

    def row_taken(self, at: int) -> None:
        self.ends.append(at)


class _RasterSinkModel(_Taker):
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

    def row_taken(self, at: int) -> None:
        begin = max(at + 1, self.emptied[-1] + 1 if self.emptied else 0)
        self.emptied.append(begin + self.width - 1)
        if len(self.emptied) % self.height == 0:
            self.ends.append(self.emptied[-1] + 1)
