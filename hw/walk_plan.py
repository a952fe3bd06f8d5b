"""What a layer walks, and the row buffer that it reads: static, and so are its cycles."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import accumulate

import numpy as np

from hw.coding import Coding, by_kernel, distinct, encode
from hw.columns import Columns, Segments
from hw.fold import Fold
from hw.layers import Activation, Conv, MaxPool
from hw.link import Link
from hw.passes import Pass, events
from hw.rom import Rom
from hw.room import Room
from hw.rows import Rows
from hw.schedule import Schedule, schedule
from hw.skipping import Skipping, least_saved, skip
from hw.store import Bank, Store
from hw.taps import TapList, tap_lists
from hw.timing import PORTABLE, Stages
from hw.walk import Walk, locate

ORDERS = 4  # in which cut lists are walked, tried until rows outside the picture can be skipped


@dataclass(frozen=True, eq=False)
class WalkPlan:
    """What one layer walks.

    Parameters
    ----------
    layer : Conv or MaxPool
    source, result : Activation
        Formats before and behind the layer.
    fold : Fold
    links : tuple of Link
        Beats that arrive: from one layer or, behind a concat, from several, whose channels follow
        each other.
    ahead : tuple of int
        For each link, rows that may arrive before those of the others do.
    weighted : bool
        Whether taps have weights; those of an average count as they are.
    stages : Stages
        Cycles of the cells that it is made of.
    room : Room, optional
        Of a layer whose weights can be loaded.
    """

    layer: Conv | MaxPool
    source: Activation
    result: Activation
    fold: Fold
    links: tuple[Link, ...]
    ahead: tuple[int, ...] = (0,)
    weighted: bool = True
    stages: Stages = PORTABLE
    room: Room | None = None

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.layer.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the layers that feed this one."""
        return tuple(link.name for link in self.links)

    @property
    def is_conv(self) -> bool:
        """Whether the layer multiplies and adds; else it takes the maximum."""
        return isinstance(self.layer, Conv)

    @property
    def conv(self) -> Conv:
        """The layer, where it multiplies and adds."""
        assert isinstance(self.layer, Conv)
        return self.layer

    @property
    def multipliers(self) -> int:
        """Multipliers instantiated."""
        return self.fold.multipliers if self.is_conv and self.weighted else 0

    @property
    def channels(self) -> int:
        """Input channels."""
        return self.source.shape[0]

    @property
    def columns(self) -> Columns:
        """Columns of the result over the lanes."""
        return Columns(self.result.shape[2], self.fold.P)

    @property
    def dilation(self) -> tuple[int, int]:
        """Rows and columns between taps."""
        return self.layer.dilation if isinstance(self.layer, Conv) else (1, 1)

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns that the kernel covers."""
        (kh, kw), (dh, dw) = self.layer.kernel, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    @cached_property
    def lists(self) -> list[TapList]:
        """Surviving taps of every group of outputs."""
        return tap_lists(self.layer, self.channels, self.fold.G)

    @cached_property
    def scheduled(self) -> Callable[[int], Schedule]:
        """Schedule with the lists in any of several orders."""
        fold, splittable = self.fold, self.is_conv
        return cache(
            lambda order: schedule(
                self.lists, fold.G, fold.R, splittable=splittable, streams=fold.E, order=order
            )
        )

    @property
    def schedule(self) -> Schedule:
        """What is walked once per block of columns where all rows are inside."""
        return self.walked[0]

    @property
    def skipping(self) -> Skipping | None:
        """How taps in rows outside the picture are skipped; None where that does not pay."""
        return self.walked[1]

    @cached_property
    def walked(self) -> tuple[Schedule, Skipping | None]:
        """What is walked, and how taps in rows outside the picture are skipped."""
        first = self.scheduled(0)
        if self.outside < least_saved(self.fold):
            return first, None
        for order in range(ORDERS if first.splits else 1):
            made = replace(self)
            walked = self.scheduled(order), None
            vars(made).update(lists=self.lists, scheduled=self.scheduled, walked=walked)
            if found := made._skip():
                return made.schedule, found
        return first, None

    @cached_property
    def outside(self) -> float:
        """Part of all taps that may be skipped: those in rows outside the picture.

        None may if an output is without taps.
        """
        if not all(map(len, self.lists)):
            return 0.0
        taps = np.concatenate([taps.row for taps in self.lists])
        outside = sum(int(np.isin(taps, list(rows)).sum()) for rows in self.rows.outside)
        return outside / (len(taps) * self.rows.outputs)

    def _skip(self) -> Skipping | None:
        """Skip the taps that lie outside, if that pays."""
        programs = len(distinct(self.walk))
        if self.outside < least_saved(self.fold, programs):
            return None
        coding, lists = by_kernel(self.walk), [taps.outputs for taps in self.lists]
        found = skip(self.schedule, coding, self.rows, lists, self.columns.block)
        if not found:
            return None
        least = least_saved(self.fold, programs, found.coding.bits - coding.bits)
        whole = len(self.scheduled(0)) * self.rows.outputs
        return found if found.entries <= (1 - least) * whole else None

    @cached_property
    def copies(self) -> tuple[tuple[int, ...], ...]:
        """Input channels in each sequencer's copy of the row buffer: those that its taps read."""
        walked = self.schedule
        return tuple(
            tuple(sorted(set(walked.channel[~walked.idle[:, r], r].tolist())))
            for r in range(self.fold.R)
        )

    @cached_property
    def rows(self) -> Rows:
        """Rows of the picture under the window."""
        layer, height = self.layer, self.source.shape[1]
        taps = sorted({row for taps in self.lists for row in taps.row.tolist()})
        args = (layer.stride[0], layer.padding[0], tuple(taps or (0,)))
        return Rows(height, self.result.shape[1], self.extent[0], *args)

    @cached_property
    def segments(self) -> Segments:
        """Columns of an input row over the lanes."""
        layer, width = self.layer, self.source.shape[2]
        taps = sorted({column for taps in self.lists for column in taps.column.tolist()})
        args = (layer.stride[1], tuple(taps or (0,)), layer.padding[2])
        return Segments(width, self.columns, *args)

    @cached_property
    def first_channels(self) -> tuple[int, ...]:
        """First channel of every link."""
        counts = [link.activation.shape[0] for link in self.links]
        return tuple(accumulate([0, *counts[:-1]]))

    @cached_property
    def stores(self) -> tuple[Store, ...]:
        """What the row buffer holds of every link."""
        stores = []
        for link, first, ahead in zip(self.links, self.first_channels, self.ahead, strict=True):
            own = range(first, first + link.activation.shape[0])
            copies = tuple(tuple(c - first for c in copy if c in own) for copy in self.copies)
            rows = replace(self.rows, least=self.rows.ring + ahead)
            stores.append(Store(link, rows, self.segments, copies))
        return tuple(stores)

    @cached_property
    def banks(self) -> tuple[tuple[tuple[int, Bank], ...], ...]:
        """Memories that each sequencer reads, every one with its store."""
        return tuple(
            tuple(
                (index, bank)
                for index, store in enumerate(self.stores)
                for bank in store.banks
                if bank.copy == r
            )
            for r in range(self.fold.R)
        )

    @property
    def most_banks(self) -> int:
        """Memories that one sequencer reads at most."""
        return max(1, *(len(banks) for banks in self.banks))

    @property
    def word_bits(self) -> int:
        """Bits of an offset that are a word in the row; those above are the number of a bank."""
        return (max(store.row_words for store in self.stores) - 1).bit_length()

    @cached_property
    def walk(self) -> Walk:
        """What is walked, as places in the row, in the first block of columns, and banks."""
        needless, first = self.is_conv and self.weighted, self.first_channels
        places = [
            [(index, [first[index] + c for c in bank.channels]) for index, bank in banks]
            for banks in self.banks
        ]
        pitches = [store.words_per_column for store in self.stores]
        return locate(self.schedule, self.segments, places, pitches, self.word_bits, needless)

    @cached_property
    def coding(self) -> Coding:
        """How the taps are stored."""
        return self.skipping.coding if self.skipping else encode(self.walk)

    @cached_property
    def passes(self) -> tuple[Pass, ...]:
        """What is walked once per block of columns, in every class of rows."""
        return self.skipping.passes if self.skipping else (Pass.whole(self.schedule),)

    @property
    def skipped(self) -> tuple[frozenset[int], ...]:
        """Rows of the window of which no tap is walked, in every class of rows."""
        return self.skipping.outside if self.skipping else (frozenset(),)

    @property
    def class_of(self) -> tuple[int, ...]:
        """Class of every row of the result."""
        return self.skipping.class_of if self.skipping else (0,) * self.result.shape[1]

    @cached_property
    def events(self) -> Rom:
        """Entries that complete sums."""
        return events(self.passes)

    @property
    def schedule_bits(self) -> int:
        """Bits of the memories that say what is walked."""
        return self.coding.bits + self.events.bits

    @property
    def compute_cycles(self) -> int:
        """Cycles of one picture's lists, if nothing waits."""
        return sum(len(self.passes[index]) for index in self.class_of) * self.columns.block
