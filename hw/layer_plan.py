"""What is static about the hardware of one layer: what is built, and what `hw.cost` predicts."""

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from hw.arithmetic import signed_bits
from hw.coding import Coding, by_kernel, encode
from hw.columns import Columns, Segments
from hw.fold import Fold, UnsupportedLayer
from hw.layers import Activation, AvgPool, Conv, Layer, MaxPool
from hw.passes import Pass, events
from hw.rom import Rom
from hw.rows import Rows
from hw.schedule import Schedule, schedule
from hw.skipping import Skipping, skip
from hw.store import Store
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
from hw.walk import Walk

LEAST_SAVED = 1 / 50  # of a layer's cycles


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """Hardware of one layer.

    Parameters
    ----------
    layer : Conv or MaxPool
    source, result : Activation
        Formats before and behind the layer.
    fold : Fold
    producer : Columns
        Columns of the beats that arrive.
    weighted : bool
        Whether taps have weights; those of an average count as they are.
    """

    layer: Conv | MaxPool
    source: Activation
    result: Activation
    fold: Fold
    producer: Columns
    weighted: bool = True

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.layer.name

    @property
    def inputs(self) -> tuple[str, ...]:
        """Name of the layer that feeds this one."""
        return self.layer.inputs

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
        return schedule(self.lists, self.fold.G, self.fold.R, splittable=self.is_conv)

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
    def store(self) -> Store:
        """What the row buffer holds."""
        return Store(self.source, self.producer, self.rows, self.segments, self.copies)

    @cached_property
    def walk(self) -> Walk:
        """What is walked, as addresses in the first block of columns."""
        walked, segments = self.schedule, self.segments
        words = np.zeros(self.extent[1], np.int64)
        for column in segments.taps:
            words[column] = segments.first_word(column) * self.store.words_per_column
        local = np.zeros((self.channels, self.fold.R), np.int64)
        for r, copy in enumerate(self.copies):
            local[list(copy), r] = np.arange(len(copy))
        place = np.where(walked.idle, 0, np.take_along_axis(local, walked.channel, axis=0))
        needless = self.is_conv and self.weighted
        return Walk(walked.row, walked.column, place, walked.idle, walked.last, words, needless)

    @cached_property
    def skipping(self) -> Skipping | None:
        """How taps in rows outside the picture are skipped; None where they are not.

        They are where that saves a greater part of the layer's cycles than it adds to its LUTs, of
        which `Fold.luts` counts about half, and a fiftieth at least.
        """
        outside = np.array(
            [[row in rows for row in range(self.extent[0])] for rows in self.rows.outside]
        )
        walked = self.schedule
        taps = np.bincount(walked.row[~walked.idle], minlength=self.extent[0])
        if (outside @ taps).sum() < LEAST_SAVED * walked.taps * len(outside):
            return None
        args = (self.rows, [taps.outputs for taps in self.lists], self.columns.block)
        found = skip(walked, by_kernel(self.walk), *args)
        if found is None:
            return None
        saved = 1 - found.entries / (len(walked) * len(outside))
        more = found.luts - encode(self.walk).luts - events((Pass.whole(walked),)).luts
        return found if saved >= max(LEAST_SAVED, more / (2 * self.fold.luts)) else None

    @cached_property
    def coding(self) -> Coding:
        """How the taps are stored."""
        return self.skipping.coding if self.skipping else encode(self.walk)

    @cached_property
    def passes(self) -> tuple[Pass, ...]:
        """What is walked once per block of columns, in every class of rows."""
        return self.skipping.passes if self.skipping else (Pass.whole(self.schedule),)

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
        order = [pick.output for pick in self.schedule.picks]
        return self.result.shape[1:] == (1, 1) and order == sorted(order)

    @property
    def most_ends(self) -> int:
        """Outputs that one entry of the schedule completes at most."""
        return max(int(made.ends.max()) for made in self.passes)

    @cached_property
    def queue_depth(self) -> int:
        """Places of the output queue: enough that a consumer that keeps up never stops the walk.

        A tap is fired only if there is room for `most_ends` outputs, so the queue holds these and
        all that are on their way, while a beat takes the consumer up to three cycles.
        """
        window = self.latency + 3 * self.most_ends
        most = 2 + window // min(map(len, self.passes))  # passes that a window reaches into
        runs = (
            (index, len(list(run)) * self.columns.block) for index, run in groupby(self.class_of)
        )
        turns = [index for index, many in runs for _ in range(min(many, most))]
        cyclic = np.concatenate([self.passes[index].ends for index in turns * (1 + most)])
        sums = np.cumsum(np.concatenate([[0], cyclic]))
        on_their_way = int((sums[window:] - sums[:-window]).max())
        return -(-(on_their_way + self.most_ends) // QUEUE_STEP) * QUEUE_STEP

    @property
    def latency(self) -> int:
        """Cycles from the tap that completes an output to that output at the head of the queue."""
        cycles = WALK + READ + ACCUMULATE + GATHER + QUEUE
        cycles += EMIT * (self.fold.R > 1) + JOIN * self.schedule.splits
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
        """Width of the multiplier (0: none), the one shift, and the multiplier of every output.

        ``(acc * m + 2**(s-1)) >> s`` stays when ``m`` is doubled and ``s`` is one more, so one
        shift serves all outputs, and no shifter is built.
        """
        layer = self.layer
        assert isinstance(layer, Conv)
        assert layer.multiplier is not None
        assert layer.shift is not None
        shift = int(layer.shift.max())
        pairs = zip(layer.multiplier.tolist(), layer.shift.tolist(), strict=True)
        scaled = [m << (shift - s) for m, s in pairs]
        while shift > 1 and all(m % 2 == 0 for m in scaled) and any(scaled):
            scaled, shift = [m // 2 for m in scaled], shift - 1
        width = 0 if set(scaled) == {1} else max(max(scaled).bit_length(), 1)
        return width, shift, tuple(scaled)

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
        assert isinstance(self.layer, Conv)
        raw = self.layer.shift is None or self.scales
        half = 0 if raw else 1 << (self.requantiser[1] - 1)
        return tuple(int(bias) + half for bias in self.layer.bias)

    @property
    def bias_bits(self) -> int:
        """Width of a bias."""
        return signed_bits(min(self.biases), max(self.biases))

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits of every memory of the layer."""
        result = self.result.bits
        place = (self.result.shape[0] - 1).bit_length() + (self.columns.block - 1).bit_length()
        bits = {
            "row_buffer": self.store.bits,
            "schedule": self.schedule_bits,
            "output_queue": self.queue_depth * (self.fold.P * result + place),
        }
        if isinstance(self.layer, Conv):
            bits["weights"] = self.schedule.weight.size * self.layer.weight_bits * self.weighted
            width = self.bias_bits + (self.requantiser[0] if self.scales else 0)
            bits["requantise"] = len(self.biases) * width
        return bits

    @property
    def compute_cycles(self) -> int:
        """Cycles of one picture's lists, if nothing waits."""
        return sum(len(self.passes[index]) for index in self.class_of) * self.columns.block


def walked_layer(layer: Layer, source: Activation) -> Conv | MaxPool:
    """Layer whose taps are walked: an average is a convolution with ones.

    Raises
    ------
    UnsupportedLayer
        If there is no hardware for the layer.
    """
    if isinstance(layer, AvgPool):
        return layer.as_conv(source)
    if isinstance(layer, Conv | MaxPool):
        return layer
    kind = type(layer).__name__
    raise UnsupportedLayer(f"layer {layer.name!r}: no hardware for {kind} yet")
