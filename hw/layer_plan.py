"""What is static about the hardware of one layer: what is built, and what `hw.cost` predicts."""

from dataclasses import replace
from functools import cached_property

from hw.arithmetic import one_shift, signed_bits
from hw.layers import Conv
from hw.link import Link
from hw.passes import most_exits
from hw.timing import (
    BIAS,
    EMIT,
    GATHER,
    JOIN,
    QUEUE,
    QUEUE_STEP,
    SATURATE,
    SCALE,
    WALK,
)
from hw.walk_plan import WalkPlan


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
        """Width of a sum of products without its bias: exactly as wide as the weights require."""
        if not self.is_conv:
            return self.source.bits
        if self.room:
            return self.room.sum_bits
        low, high = self.conv.sums(self.source)
        return signed_bits(int(low.min()), int(high.max()))

    @property
    def sum_latency(self) -> int:
        """Cycles from a tap's address to the sum that it completes in its hold register."""
        stages = self.stages
        return stages.read + stages.multiply * self.is_conv + stages.accumulate

    @property
    def latency(self) -> int:
        """Cycles from the tap that completes an output to that output at the head of the queue."""
        cycles = WALK + self.sum_latency + GATHER + QUEUE
        cycles += EMIT * self.holds + JOIN * self.schedule.splits
        if not isinstance(self.layer, Conv):
            return cycles
        cycles += BIAS
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
