"""What is static about the hardware of one layer: what is built, and what `hw.cost` predicts."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate

import numpy as np

from hw.arithmetic import one_shift, signed_bits
from hw.coding import Coding, by_kernel, by_offset, cheapest
from hw.columns import Columns, Segments
from hw.fold import Fold
from hw.layers import Activation, Conv, MaxPool
from hw.link import Link
from hw.passes import Pass, events, most_exits
from hw.rom import Rom
from hw.rows import Rows
from hw.schedule import Schedule, schedule
from hw.skipping import LEAST_SAVED, Skipping, saved_taps, skip
from hw.store import Bank, Store
from hw.taps import TapList, tap_lists
from hw.timing import (
    ACCUMULATE,
    BIAS,
    EMIT,
    GATHER,
    JOIN,
    MULTIPLY,
    QUEUE,
    QUEUE_STEP,
    READ,
    SATURATE,
    SCALE,
    WALK,
)
from hw.walk import Walk, locate


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """Hardware of one layer.

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
    """

    layer: Conv | MaxPool
    source: Activation
    result: Activation
    fold: Fold
    links: tuple[Link, ...]
    ahead: tuple[int, ...] = (0,)
    weighted: bool = True

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
    def schedule(self) -> Schedule:
        """What is walked once per block of columns."""
        fold, splittable = self.fold, self.is_conv
        return schedule(self.lists, fold.G, fold.R, splittable=splittable, streams=fold.E)

    @property
    def holds(self) -> bool:
        """Whether lanes keep a sum until it leaves; else it leaves as it ends."""
        return self.fold.R > 1 or self.fold.E > 1

    @cached_property
    def link(self) -> Link:
        """Beats that leave."""
        if self.fold.E == 1:
            return Link.of_one(self.name, self.result, self.columns)
        return Link(self.name, self.result, self.columns, self.schedule.streams)

    def on_lanes(self, lanes: int) -> "LayerPlan":
        """Plan the same lists on another number of lanes."""
        made = replace(self, fold=replace(self.fold, P=lanes))
        vars(made).update(lists=self.lists, schedule=self.schedule)
        return made

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
    def _by_kernel(self) -> Coding:
        return by_kernel(self.walk)

    @cached_property
    def _of_all(self) -> Coding:
        """How the taps are stored if all of them are walked in every row."""
        return cheapest(by_offset(self.walk), self._by_kernel)

    @property
    def may_skip(self) -> bool:
        """Whether enough taps lie in rows outside the picture, and no output is without taps."""
        rows = np.concatenate([taps.row for taps in self.lists])
        taps = np.bincount(rows, minlength=self.extent[0])
        return all(map(len, self.lists)) and saved_taps(taps, self.rows) >= LEAST_SAVED

    @cached_property
    def skipping(self) -> Skipping | None:
        """How taps in rows outside the picture are skipped; None where they are not."""
        if not self.may_skip:
            return None
        walked, lists = self.schedule, [taps.outputs for taps in self.lists]
        found = skip(walked, self._by_kernel, self.rows, lists, self.columns.block)
        luts = replace(self.fold, E=1).luts  # more streams are no reason to skip
        return found if found and found.pays(walked, self._of_all, luts) else None

    @cached_property
    def coding(self) -> Coding:
        """How the taps are stored."""
        return self.skipping.coding if self.skipping else self._of_all

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
    def in_order(self) -> bool:
        """Whether the result is a vector whose elements leave in channel order."""
        return self.result.shape[1:] == (1, 1) and self.schedule.in_order

    @property
    def most_ends(self) -> int:
        """Exits that one entry of a pass completes at most."""
        return max(int(made.ends.max()) for made in self.passes)

    @cached_property
    def queue_depth(self) -> int:
        """Places of the output queue: enough that a consumer that keeps up never stops the walk.

        A tap is fired only if there is room for `most_ends` outputs, so the queue holds these and
        all that are on their way, while a beat takes the consumer up to three cycles.
        """
        window = self.latency + 3 * self.most_ends
        on_their_way = most_exits(self.passes, self.class_of, self.columns.block, window)
        return -(-(on_their_way + self.most_ends) // QUEUE_STEP) * QUEUE_STEP

    @cached_property
    def sum_bits(self) -> int:
        """Width of a sum of products without its bias: exactly as wide as the weights require."""
        if not self.is_conv:
            return self.source.bits
        low, high = self.conv.sums(self.source)
        return signed_bits(int(low.min()), int(high.max()))

    @property
    def latency(self) -> int:
        """Cycles from the tap that completes an output to that output at the head of the queue."""
        cycles = WALK + READ + ACCUMULATE + GATHER + QUEUE
        cycles += EMIT * self.holds + JOIN * self.schedule.splits
        if not isinstance(self.layer, Conv):
            return cycles
        cycles += MULTIPLY + BIAS
        if self.layer.shift is not None:
            cycles += SATURATE + SCALE * self.scales
        return cycles

    @property
    def scales(self) -> bool:
        """Whether requantisation multiplies; else it only shifts."""
        layer = self.layer
        return isinstance(layer, Conv) and layer.multiplier is not None and self.requantiser[0] > 0

    @cached_property
    def requantiser(self) -> tuple[int, int, tuple[int, ...]]:
        """Width of the multiplier (0: none), the one shift, and the multiplier of every output."""
        layer = self.conv
        assert layer.multiplier is not None
        assert layer.shift is not None
        return one_shift(layer.multiplier, layer.shift)

    @property
    def schedule_bits(self) -> int:
        """Bits of the memories that say what is walked."""
        return self.coding.bits + self.events.bits

    @property
    def taps(self) -> int:
        """Surviving weights, or pixels that are compared."""
        return int(self.conv.survivors.sum()) if self.is_conv else self.schedule.taps

    @cached_property
    def biases(self) -> tuple[int, ...]:
        """Bias of every output; the rounding constant is part of it where nothing multiplies."""
        raw = self.conv.shift is None or self.scales
        half = 0 if raw else 1 << (self.requantiser[1] - 1)
        return tuple(int(bias) + half for bias in self.conv.bias)

    @property
    def bias_bits(self) -> int:
        """Width of a bias."""
        return signed_bits(min(self.biases), max(self.biases))

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits of every memory of the layer."""
        bits = {
            "row_buffer": sum(store.bits for store in self.stores),
            "schedule": self.schedule_bits,
            "output_queue": self.queue_depth * self.link.beat_bits,
            "drain": len(self.schedule.exits) * self.fold.E * self._drain_bits,
        }
        if isinstance(self.layer, Conv):
            bits["weights"] = self.schedule.weight.size * self.layer.weight_bits * self.weighted
            width = self.bias_bits + (self.requantiser[0] if self.scales else 0)
            bits["requantise"] = len(self.schedule.exits) * self.fold.E * width
        return bits

    @property
    def _drain_bits(self) -> int:
        """Bits that say of an output where its sum is, and which channel it is."""
        channel = 0 if self.schedule.in_order else self.result.shape[0].bit_length()
        sums = self.fold.R + (self.fold.G - 1).bit_length()
        return channel + sums * self.holds

    @property
    def compute_cycles(self) -> int:
        """Cycles of one picture's lists, if nothing waits."""
        return sum(len(self.passes[index]) for index in self.class_of) * self.columns.block
