"""Cycles of a network, predicted exactly by an event model that builds no RTL."""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hw.layers import Conv
from hw.network import Network
from hw.plan import SINK_ROWS, SOURCE_ROWS, Fold, Folding, LayerPlan, plan

_WRITE = 2  # cycles from a beat's last step to its row being counted by the row manager
_STEADY = 4  # an interval is steady when this many successive frames share it
_MOST_FRAMES = 64
_LONG_AGO = -(1 << 30)  # before cycle 0, when the first pixel comes; reset was even before


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer.

    Parameters
    ----------
    name, kind : str
    fold : Fold
    multipliers : int
        Instantiated, ``P * G * R``; 0 where the layer does not multiply.
    macs, parameters : int
        Surviving multiply-adds of a picture, and surviving weights and biases.
    cycles : int
        Of one picture in steady state, the layer alone between always-ready ends.
    memory_bits : dict of str to int
        Bits of every memory.
    """

    name: str
    kind: str
    fold: Fold
    multipliers: int
    macs: int
    parameters: int
    cycles: int
    input_bound: bool
    memory_bits: dict[str, int]

    @property
    def utilisation(self) -> float | None:
        """Surviving MACs over (cycles x multipliers); None where nothing is multiplied."""
        return self.macs / (self.cycles * self.multipliers) if self.multipliers else None


@dataclass(frozen=True)
class Cost:
    """Cost of a network.

    Parameters
    ----------
    interval : int
        Cycles between the last output beats of successive frames in steady state.
    latency : int
        Cycles from the first input beat to the last output beat of the first frame.
    layers : tuple of LayerCost
    """

    interval: int
    latency: int
    layers: tuple[LayerCost, ...]

    @property
    def multipliers(self) -> int:
        """Multipliers instantiated."""
        return sum(layer.multipliers for layer in self.layers)

    @property
    def utilisation(self) -> float:
        """Surviving MACs over (interval x multipliers)."""
        return sum(layer.macs for layer in self.layers) / (self.interval * self.multipliers)

    @property
    def memory_bits(self) -> int:
        """Bits of all memories."""
        return sum(sum(layer.memory_bits.values()) for layer in self.layers)


def predict(network: Network, folding: Folding) -> Cost:
    """Predict what the generated hardware does when neither of its ends ever stalls.

    Raises
    ------
    UnsupportedLayer, ValueError
        As `hw.plan.plan`.
    """
    plans = plan(network, folding)
    interval, latency = _cycles(plans)
    return Cost(interval, latency, tuple(_layer_cost(network, p) for p in plans))


def _layer_cost(network: Network, p: LayerPlan) -> LayerCost:
    alone = network.alone(p.name)
    (single,) = plan(alone, {p.layer.source: Fold(p.producer.lanes), p.name: p.fold})
    cycles, _ = _cycles((single,))
    return LayerCost(
        name=p.name,
        kind=type(p.layer).__name__,
        fold=p.fold,
        multipliers=p.multipliers,
        macs=network.layer_macs(p.layer),
        parameters=p.layer.parameters if isinstance(p.layer, Conv) else 0,
        cycles=cycles,
        input_bound=cycles > single.compute_cycles and cycles <= single.write_cycles,
        memory_bits=p.memory_bits,
    )


def _cycles(plans: tuple[LayerPlan, ...]) -> tuple[int, int]:
    """Interval and latency of a pipeline."""
    last = plans[-1]
    channels, height, width = last.result.shape
    layers = [_LayerModel(p) for p in plans]
    if last.in_order:
        sink = _VectorSinkModel()
    elif (height, width) == (1, 1):
        sink = _RasterSinkModel(1, channels)
    else:
        sink = _RasterSinkModel(height, width)
    source = _PixelSourceModel if plans[0].producer.lanes == 1 else _RasterSourceModel
    stages = [source(plans[0]), *layers, sink]
    while True:
        for producer, consumer in pairwise(stages):
            while producer.ready() and consumer.open_row():
                producer.send_row(consumer)
        ends = sink.ends
        gaps = [b - a for a, b in pairwise(ends)]
        if len(set(gaps[-_STEADY:])) == 1 and len(gaps) >= _STEADY:
            return gaps[-1], ends[0]
        if len(ends) >= _MOST_FRAMES:
            return round(
                (ends[-1] - ends[len(ends) // 2]) / (len(ends) - 1 - len(ends) // 2)
            ), ends[0]


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

    def __init__(self, consumer: LayerPlan) -> None:
        self.beats = [
            column for column in range(consumer.producer.block) for _ in range(consumer.channels)
        ]
        self.at = 0

    def ready(self) -> bool:
        """Whether a row can be sent."""
        return True

    def send_row(self, consumer: "_LayerModel") -> None:
        """Send a row, a pixel at a time."""
        for column in self.beats:
            self.at = consumer.take(column, self.at + 1)
        consumer.row_taken(self.at)


class _RasterSourceModel(_PixelSourceModel):
    """`hw.parts.source.RasterSource` at an input that never waits, from cycle 0."""

    def __init__(self, consumer: LayerPlan) -> None:
        super().__init__(consumer)
        self.width = consumer.producer.width
        self.entered = -1  # cycle in which the last pixel of a row enters
        self.left = deque([-1] * SOURCE_ROWS, maxlen=SOURCE_ROWS)  # last beat of each row

    def send_row(self, consumer: "_LayerModel") -> None:
        """Gather a row, then send it."""
        self.entered = max(self.entered, self.left[0]) + self.width
        self.at = max(self.at, self.entered)
        super().send_row(consumer)
        self.left.append(self.at)


class _LayerModel(_Taker):
    """`hw.layer.LayerEngine`: rows arrive and free their slots, the window slides, lists leave."""

    def __init__(self, p: LayerPlan) -> None:
        super().__init__()
        self.steps = tuple(len(writes) for writes in p.writes)
        self.ring, self.windows = p.rows.ring, p.rows.windows
        self.stored = p.rows.stored[p.rows.top :][: p.rows.height]
        self.arrived, self.storing = 0, True  # rows that have come; whether this one is kept
        self.visible: list[int] = []  # cycle in which each row is counted by the row manager
        self.freed: list[int] = []  # cycle from which each released slot may be used
        self.pushed = self.window = 0
        self.swap: int | None = None  # cycle in which the window becomes active, if it is waiting
        self.last_swap = self.row_end = _LONG_AGO

        ends = p.schedule.ends
        places = np.flatnonzero(ends)
        entries = np.diff(places, prepend=-1).tolist()
        self.runs = list(zip(entries, ends[places].tolist(), strict=True))
        self.tail = len(ends) - 1 - int(places[-1])
        self.blocks, self.latency = p.columns.block, p.latency
        self.left = _LONG_AGO  # cycle in which the last output reaches the queue's head
        room = p.queue_depth - p.most_ends + 1
        self.popped = deque([_LONG_AGO] * room, maxlen=room)

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

    def send_row(self, consumer: _Taker) -> None:
        """Walk the lists of a row; their outputs are taken as the consumer can."""
        assert self.swap is not None
        at = self.swap + 1  # the next cycle in which a tap may be fired
        for column in range(self.blocks):
            for entries, outputs in self.runs:
                at = max(at, self.popped[0] + 1) + entries
                for _ in range(outputs):
                    self.left = max(self.left + 1, at - 1 + self.latency)
                    self.popped.append(consumer.take(column, self.left))
            if self.tail:
                at = max(at, self.popped[0] + 1) + self.tail
        self.row_end, self.swap = at - 1, None
        consumer.row_taken(self.popped[-1])


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
