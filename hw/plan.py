"""What is static about a network's hardware: what the generator builds and `hw.cost` predicts."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hw.arithmetic import signed_bits
from hw.columns import Columns, Segments, Write
from hw.layers import Activation, Conv, Input, Layer, MaxPool
from hw.network import Network
from hw.rows import Rows
from hw.schedule import Schedule, schedule
from hw.taps import TapList, tap_lists

# Cycles of the stages between a tap and its result. The parts are built to these; the tests of
# `hw.cost` hold them to it.
WALK = 2  # tap fired -> its address at the row buffer
READ = 2  # row buffer and weight memory -> operand registers
MULTIPLY = 1
ACCUMULATE = 1
EMIT = 1  # hold registers of several sequencers -> those that leave
GATHER = 1  # sums of a group -> one sum
JOIN = 1  # sums of two sequencers -> one sum
BIAS = 1
SCALE = 1
SATURATE = 1
QUEUE = 1  # into the output queue
SOURCE_ROWS = 2  # rows that a source of wide beats gathers
QUEUE_STEP = 16  # places of a queue come in blocks of distributed memory
SINK_ROWS = 2  # rows that the sink of a map gathers


@dataclass(frozen=True)
class Fold:
    """How far a layer is folded onto multipliers.

    Parameters
    ----------
    P : int
        Lanes: pixels of one row that are computed together and share the weight.
    G : int
        Outputs in lockstep: they share the activation.
    R : int
        Sequencers.
    """

    P: int
    G: int = 1
    R: int = 1

    @property
    def multipliers(self) -> int:
        """Multipliers, ``P * G * R``."""
        return self.P * self.G * self.R


Folding = dict[str, Fold]


class UnsupportedLayer(ValueError):
    """A layer that the generator cannot build; the message names it."""


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
    """

    layer: Conv | MaxPool
    source: Activation
    result: Activation
    fold: Fold
    producer: Columns

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.layer.name

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
        return self.fold.multipliers if self.is_conv else 0

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
    def words_per_column(self) -> int:
        """Words of one column of a segment, the same in every copy: its most channels."""
        return max(1, *(len(copy) for copy in self.copies))

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
    def writes(self) -> tuple[tuple[Write, ...], ...]:
        """Writes of each incoming beat, by its column."""
        return self.segments.writes(self.producer)

    @property
    def row_words(self) -> int:
        """Words of one row in the row buffer."""
        return self.segments.words * self.words_per_column

    @property
    def depth(self) -> int:
        """Words of the row buffer."""
        return self.rows.ring * self.row_words

    @cached_property
    def offsets(self) -> np.ndarray:
        """Word (N, R) of every tap in its row, in the first block of columns."""
        walked, segments = self.schedule, self.segments
        word = np.zeros(self.extent[1], np.int64)
        for column in segments.taps:
            word[column] = segments.first_word(column)
        local = np.zeros((self.channels, self.fold.R), np.int64)
        for r, copy in enumerate(self.copies):
            local[list(copy), r] = np.arange(len(copy))
        place = np.take_along_axis(local, walked.channel, axis=0)
        return np.where(walked.idle, 0, word[walked.column] * self.words_per_column + place)

    @property
    def in_order(self) -> bool:
        """Whether the result is a vector whose elements leave in channel order."""
        order = [pick.output for pick in self.schedule.picks]
        return self.result.shape[1:] == (1, 1) and order == sorted(order)

    @property
    def most_ends(self) -> int:
        """Outputs that one entry of the schedule completes at most."""
        return int(self.schedule.ends.max())

    @cached_property
    def queue_depth(self) -> int:
        """Places of the output queue: enough that a consumer that keeps up never stops the walk.

        A tap is fired only if there is room for `most_ends` outputs, so the queue holds these and
        all that are on their way, while a beat takes the consumer up to three cycles.
        """
        ends = self.schedule.ends
        window = self.latency + 3 * self.most_ends
        cyclic = np.concatenate([ends] * (1 + -(-window // len(ends)) + 1))
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
        """Width of an entry of the schedule: row, word and end per sequencer; outputs ended."""
        walked = self.schedule
        tap = (self.extent[0] - 1).bit_length() + (self.row_words - 1).bit_length() + 1
        return (tap + walked.idles) * self.fold.R + self.most_ends.bit_length()

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
        pixel, result = self.source.bits, self.result.bits
        entries, walked = len(self.schedule), self.schedule
        place = (self.result.shape[0] - 1).bit_length() + (self.columns.block - 1).bit_length()
        words = self.rows.ring * self.segments.words
        stored = sum(len(copy) for copy in self.copies)
        bits = {
            "row_buffer": words * stored * self.fold.P * pixel,
            "schedule": entries * self.schedule_bits,
            "output_queue": self.queue_depth * (self.fold.P * result + place),
        }
        if isinstance(self.layer, Conv):
            bits["weights"] = walked.weight.size * self.layer.weight_bits
            width = self.bias_bits + (self.requantiser[0] if self.scales else 0)
            bits["requantise"] = len(self.biases) * width
        return bits

    @property
    def compute_cycles(self) -> int:
        """Cycles of one picture's lists, if nothing waits."""
        _, height, _ = self.result.shape
        return len(self.schedule) * self.columns.block * height

    @property
    def write_cycles(self) -> int:
        """Cycles that one picture takes to be written to the row buffer."""
        steps = sum(len(steps) for steps in self.writes)
        return steps * self.channels * self.source.shape[1]


def plan(network: Network, folding: Folding) -> tuple[LayerPlan, ...]:
    """Plan the hardware of every layer behind the input.

    Raises
    ------
    UnsupportedLayer
        If the network is not a chain.
    ValueError
        If a layer has no fold, or an impossible one; the layer and the bound are named.
    """
    plans: list[LayerPlan] = []
    before = network.input.name
    columns = _input_columns(network.input, folding.get(before, Fold(1)))
    for layer in network.layers[1:]:
        assert not isinstance(layer, Input)
        if layer.source != before:
            raise UnsupportedLayer(
                f"layer {layer.name!r} must be fed by {before!r}, the layer before it, "
                f"not {layer.source!r}"
            )
        source, result = network.formats[before], network.formats[layer.name]
        fold = folding.get(layer.name)
        if fold is None:
            raise ValueError(f"layer {layer.name!r} must have a fold")
        _check(layer, fold, result)
        plans.append(LayerPlan(layer, source, result, fold, columns))
        columns, before = plans[-1].columns, layer.name
    if network.outputs != (before,):
        raise UnsupportedLayer(f"the output must be {before!r}, the last layer")
    if not plans:
        raise UnsupportedLayer(f"network {network.name!r} must have a layer behind its input")
    return tuple(plans)


def _input_columns(picture: Input, fold: Fold) -> Columns:
    """Columns of the beats that the input's pixels become: `P` pixels each."""
    width = picture.shape[2]
    if not 1 <= fold.P <= width:
        raise ValueError(f"layer {picture.name!r}: P must be 1 to {width}, not {fold.P!r}")
    return Columns(width, fold.P)


def _check(layer: Layer, fold: Fold, result: Activation) -> None:
    channels, _, width = result.shape
    limits = {"P": width, "G": channels if isinstance(layer, Conv) else 1, "R": channels}
    for key, limit in limits.items():
        value = getattr(fold, key)
        if not 1 <= value <= limit:
            raise ValueError(f"layer {layer.name!r}: {key} must be 1 to {limit}, not {value!r}")
