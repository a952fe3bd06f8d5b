"""Event models of layers: when rows, lists and beats of the generated hardware move."""

from collections import deque
from collections.abc import Iterator
from itertools import islice

import numpy as np

from hw.event_links import LONG_AGO, History, Sender, Taker
from hw.layer_plan import LayerPlan
from hw.passes import Pass
from hw.plan import AddPlan
from hw.store import Store

_WRITE = 2  # cycles from a beat's last step to its row being counted by the row manager


class WriterModel(Taker):
    """`hw.parts.writer.Writer`: rows arrive as their slots become free."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        rows = store.rows
        self.steps = tuple(len(writes) for writes in store.writes)
        self.ring = rows.ring
        self.stored = rows.stored[rows.top :][: rows.height]
        self.arrived, self.storing = 0, True  # rows that have come; whether this one is kept
        self.visible: list[int] = []  # cycle in which each row is counted by the row manager
        self.freed: list[int] = []  # cycle from which each released slot may be used

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

    def row_taken(self) -> None:
        self.arrived += 1
        if self.storing:
            self.visible.append(self.free + _WRITE)

    def take(self, column: int, at: int) -> int:
        if self.storing:
            return super().take(column, at)
        at = max(at, self.free)
        self.free = at + 1
        return at

    def mode(self) -> tuple[bool, ...]:
        return (self.storing,)

    @property
    def memory(self) -> int:
        """Frames of which rows may still be in the ring, this one included."""
        return -(-self.ring // sum(self.stored)) + 1

    def histories(self) -> list[History]:
        return [(self.visible, sum(self.stored))]


class WindowModel:
    """`hw.parts.row_manager.RowManager`: windows slide over the rows of one or several stores."""

    def __init__(self, stores: tuple[Store, ...]) -> None:
        self.writers = [WriterModel(store) for store in stores]
        self.windows = stores[0].rows.windows
        self.swaps: list[int] = []  # cycle in which each window becomes active
        self.pushed = self.window = 0
        self.swap: int | None = None  # cycle in which the window becomes active, if it is waiting
        self.last_swap = self.row_end = LONG_AGO

    def ready(self) -> bool:
        """Whether the window of the next row is known to be complete."""
        if self.swap is not None:
            return True
        rows, released = self.windows[self.window]
        if self.pushed + sum(rows) > min(len(writer.visible) for writer in self.writers):
            return False
        at = self.last_swap
        for inside in rows:
            at += 1
            if inside:
                at = max(at, *(writer.visible[self.pushed] for writer in self.writers))
                self.pushed += 1
        self.swap = self.last_swap = max(at + 1, self.row_end)
        self.swaps.append(self.swap)
        for writer in self.writers:
            writer.freed += [self.swap + 1] * released
        self.window = (self.window + 1) % len(self.windows) or 1
        return True

    def end_row(self, at: int) -> None:
        """Note that the row's last read is in cycle `at`."""
        self.row_end, self.swap = at, None

    @property
    def memory(self) -> int:
        """Frames of which rows may still be in a ring, this one included."""
        return max(writer.memory for writer in self.writers)

    def histories(self) -> list[History]:
        """Return the times of all frames so far that decide those of later frames."""
        rows = [history for writer in self.writers for history in writer.histories()]
        return [*rows, (self.swaps, len(self.windows) - 1)]


def _runs(made: Pass) -> list[tuple[int, int]]:
    """Entries up to each that completes exits, with their number; then those behind the last."""
    places = np.flatnonzero(made.ends)
    entries = np.diff(places, prepend=-1).tolist()
    runs = list(zip(entries, made.ends[places].tolist(), strict=True))
    tail = len(made) - 1 - int(places[-1])
    return [*runs, (tail, 0)] if tail else runs


class LayerModel(WindowModel, Sender):
    """`hw.layer.LayerEngine`: lists are walked while their window is there; outputs leave."""

    def __init__(self, p: LayerPlan) -> None:
        WindowModel.__init__(self, p.stores)
        Sender.__init__(self)
        self.inlets: list[Taker] = [*self.writers]
        self.runs = [_runs(made) for made in p.passes]
        self.class_of = p.class_of
        self.blocks, self.latency, self.height = p.columns.block, p.latency, p.result.shape[1]
        self.left = LONG_AGO  # cycle in which the last beat reaches the queue's head
        room = p.queue_depth - p.most_ends + 1
        self.popped = deque([LONG_AGO] * room, maxlen=room)
        self.row_ends: list[int] = []  # cycle in which the last tap of each row is fired
        self.held: list[int] = []  # cycles of each row in which a tap waits for room
        self.ended: list[int] = []  # by frame, what decides the next ones

    def send_row(self, consumer: Taker) -> None:
        """Walk the lists of a row; their outputs are taken as the consumer can."""
        assert self.swap is not None
        self.held.append(self.send_after(self.swap, consumer))
        self.end_row(self.row_end)
        self.row_ends.append(self.row_end)
        if len(self.row_ends) % self.height == 0:
            self.ended += self.clocks_out()
        consumer.row_taken()

    def send_beats(self, start: int, consumer: Taker) -> int:
        at, held = start + 1, 0  # the next cycle in which a tap may be fired
        runs = self.runs[self.mode_out()]
        for column in range(self.blocks):
            for entries, exits in runs:
                wait = max(self.popped[0] + 1 - at, 0)
                held += wait
                at += wait + entries
                for _ in range(exits):
                    self.left = max(self.left + 1, at - 1 + self.latency)
                    self.popped.append(consumer.take(column, self.left))
        self.row_end = at - 1
        return held

    def mode_out(self) -> int:
        """Return the class of the row."""
        return self.class_of[len(self.row_ends) % self.height]

    def clocks_out(self) -> list[int]:
        return [self.row_end, self.left, *self.popped]

    def set_clocks_out(self, clocks: Iterator[int]) -> None:
        self.row_end, self.left = next(clocks), next(clocks)
        self.popped.extend(islice(clocks, len(self.popped)))

    def histories(self) -> list[History]:
        return [*super().histories(), (self.ended, 2 + len(self.popped))]


class AddModel(Taker):
    """`hw.add.AddEngine`: a beat that passes by is taken when its row waits, and goes on."""

    consumer: Taker

    def __init__(self, p: AddPlan) -> None:
        super().__init__()
        self.waiting = WindowModel((p.store,))
        self.inlets: list[Taker] = [self, *self.waiting.writers]
        self.latency = p.latency
        self.popped = deque([LONG_AGO] * p.queue_depth, maxlen=p.queue_depth)
        self.rows, self.height = 0, p.result.shape[1]
        self.ended: list[int] = []  # by frame, what decides the next ones

    def ready(self) -> bool:
        """Whether a row can be sent by itself: never, beats only pass by."""
        return False

    def send_row(self, consumer: Taker) -> None:
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

    def row_taken(self) -> None:
        self.waiting.end_row(self.free - 1)
        self.consumer.row_taken()
        self.rows += 1
        if self.rows % self.height == 0:
            self.ended += [self.free, *self.popped]

    def mode(self) -> tuple[bool, ...]:
        return self.consumer.mode()

    def clocks(self) -> list[int]:
        return [self.free, *self.popped, *self.consumer.clocks()]

    def set_clocks(self, clocks: Iterator[int]) -> None:
        self.free = next(clocks)
        self.popped.extend(islice(clocks, len(self.popped)))
        self.consumer.set_clocks(clocks)

    @property
    def memory(self) -> int:
        """Frames of which rows may still wait, this one included."""
        return self.waiting.memory

    def histories(self) -> list[History]:
        return [*self.waiting.histories(), (self.ended, 1 + len(self.popped))]
