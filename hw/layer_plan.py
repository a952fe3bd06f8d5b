"""What is static about the hardware of one layer: what is built, and what `hw.cost` predicts."""

from dataclasses import replace
from functools import cached_property

import numpy as np

from hw.arithmetic import one_shift, signed_bits
from hw.layers import Conv
from hw.link import Link
from hw.passes import most_exits
from hw.timing import (
    BIAS,
    COMPARE,
    EMIT,
    GATHER,
    JOIN,
    QUEUE,
    QUEUE_STEP,
    ROUND,
    SATURATE,
    WALK,
)
from hw.walk_plan import WalkPlan

CELL_BITS = 18  # of each operand of a multiplier cell


class LayerPlan(WalkPlan):
    """Hardware of one layer: what walks, computes and sends."""

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
        vars(made).update(lists=self.lists, scheduled=self.scheduled)
        return made

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
        """Width of a sum of products: exactly as wide as the weights, and its bias, require."""
        if not self.is_conv:
            return self.source.bits
        if self.room:
            return self.room.sum_bits
        biases = np.array(self.biases) * self.preloads
        low, high = self.conv.sums(self.source) + biases
        return signed_bits(int(low.min()), int(high.max()))

    @property
    def sum_latency(self) -> int:
        """Cycles from a tap's address to the sum that it completes in its hold register."""
        accumulate = self.stages.accumulate if self.is_conv else COMPARE
        return self.stages.read + self.multiply_latency + accumulate

    @property
    def multiply_latency(self) -> int:
        """Cycles from operands to products, or to what is summed as it is."""
        return (self.stages.multiply if self.weighted else 1) if self.is_conv else 0

    @cached_property
    def preloads(self) -> bool:
        """Whether sums begin with their biases, which come `E` a cycle as sums leave.

        So it is if every list lasts until the biases of the one before were there, and no others
        can be loaded.
        """
        if not self.stages.preloads or not self.is_conv or not all(self.lists) or self.room:
            return False
        return all(map(self._has_time_for_biases, range(self.fold.R)))

    def _has_time_for_biases(self, r: int) -> bool:
        """Whether the lists of a sequencer are long enough, and in one order in all passes."""
        groups = [made.group[:, r] for made in self.passes]
        orders = {tuple(group[group >= 0].tolist()) for group in groups}
        if orders == {()}:
            return True
        ends = [np.flatnonzero(group >= 0) for group in groups]
        between = [np.diff(places) for places in ends]
        tail = min(len(made) - int(at[-1]) for made, at in zip(self.passes, ends, strict=True))
        around = tail + min(int(places[0]) for places in ends)
        cycles = -(-self.fold.G // self.fold.E)
        return len(orders) == 1 and min([around, *np.concatenate(between)]) >= cycles

    def list_biases(self, r: int) -> list[list[int]]:
        """Biases of the outputs of every list that a sequencer sums, in the order of its walk.

        Of two sequencers that sum a list the first adds its biases, the other one zero.
        """
        first = {pick.output: pick.sequencers[0] for pick in self.schedule.picks}
        order = self.passes[0].group[:, r]
        return [
            [self.biases[o] if first[o] == r else 0 for o in self.lists[group].outputs]
            for group in order[order >= 0]
        ]

    @property
    def latency(self) -> int:
        """Cycles from the tap that completes an output to that output at the head of the queue."""
        cycles = WALK + self.sum_latency + GATHER + QUEUE
        cycles += EMIT * self.holds + JOIN * self.schedule.splits
        return cycles + self.requantise_latency if self.is_conv else cycles

    @property
    def requantise_latency(self) -> int:
        """Cycles from a sum of products to its activation."""
        cycles = BIAS * (not self.preloads)
        if self.conv.shift is not None:
            cycles += SATURATE + (self.stages.multiply + ROUND) * self.scales
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
        if self.room and (scale := self.room.scale):
            fitting = scale.fit(self.name, layer.multiplier, layer.shift)
            return scale.bits, scale.shift, fitting
        return one_shift(layer.multiplier, layer.shift)

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
        if self.room:
            return self.room.bias_bits
        return signed_bits(min(self.biases), max(self.biases))

    @cached_property
    def biased(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest sum (O,) of every output, with its bias."""
        low, high = self.conv.sums(self.source)
        return low + self.biases, high + self.biases

    @property
    def biased_bits(self) -> int:
        """Width of a sum with its bias."""
        if self.room:
            return 1 + max(self.sum_bits, self.bias_bits)
        low, high = self.biased
        return signed_bits(int(low.min()), int(high.max()))

    @cached_property
    def operand(self) -> tuple[int, bool]:
        """Width of a sum with its bias, and whether it is signed, where it is multiplied.

        Bits are left out of a sum if what they then tell is certain to saturate; where no result
        is negative, that is true of a negative sum.
        """
        if self.room:
            return self.biased_bits, True
        (low, high), bits, signed = self.biased, self.biased_bits, self.result.signed
        _, shift, multipliers = self.requantiser
        scale, half = np.array(multipliers, np.int64), 1 << (shift - 1)
        for width in range(min(CELL_BITS, bits), bits):
            least, most = (-1 << (width - 1) if signed else 0), (1 << (width - signed)) - 1
            saturates = ((most + 1) * scale + half) >> shift >= self.result.high
            vanishes = ((least - 1) * scale + half) >> shift <= self.result.low
            exact = (saturates | (high <= most)) & (vanishes | (low >= least))
            if exact.all():
                return width, signed
        return bits, True

    @property
    def apart(self) -> int:
        """Low bits of `operand` that are multiplied apart, as it is too wide for one cell.

        They are as many that their product ends below the bit that is rounded.
        """
        (bits, _), (width, shift, _) = self.operand, self.requantiser
        return max(min(shift - 1 - width, bits - 2, CELL_BITS), 0) if bits > CELL_BITS else 0

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits of every memory of the layer."""
        bits = {
            "row_buffer": sum(store.bits for store in self.stores),
            "schedule": self.schedule_bits,
            "output_queue": self.queue_depth * self.link.pixel_bits,
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
