"""Lanes: the array of multiply-adds, or of comparisons, that a tap walker feeds."""

from functools import reduce
from operator import or_

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.arithmetic import signed_bits
from hw.parts.beats import element
from hw.plan import LayerPlan


def sum_shape(plan: LayerPlan) -> Shape:
    """Shape of a sum of products without its bias: exactly as wide as the weights require."""
    weight, source = plan.conv.weight.reshape(len(plan.conv.weight), -1), plan.source
    up, down = weight.clip(min=0).sum(1), weight.clip(max=0).sum(1)
    low = min(0, int((up * source.low + down * source.high).min()))
    high = max(0, int((up * source.high + down * source.low).max()))
    return signed(signed_bits(low, high))


class MultiplyAdd(wiring.Component):
    """Array of ``P * G`` multiply-adds; nothing in it ever waits.

    Every output of a group runs one cycle behind the one before, so the sums of a group end one a
    cycle: a hold register is zero but in one cycle, and the sums of a lane are gathered by an OR.

    Members
    -------
    pixels : In
        One activation per lane.
    weights : In
        One weight per output of the group, of the same tap.
    blank : In(1)
        The activations are to be taken as zero.
    last : In(1)
        The tap is the last of its list.
    sums : Out
        Per lane, the sum of one output.
    valid : Out(1)
        `sums` holds a sum: four cycles after the last tap for the group's first output, then one
        further cycle for every next one.
    """

    pixels: data.View
    weights: data.View
    blank: Signal
    last: Signal
    sums: data.View
    valid: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        weight = signed(plan.conv.weight_bits)
        super().__init__(
            {
                "pixels": In(data.ArrayLayout(element(plan.source), plan.fold.P)),
                "weights": In(data.ArrayLayout(weight, plan.fold.G)),
                "blank": In(1),
                "last": In(1),
                "sums": Out(data.ArrayLayout(sum_shape(plan), plan.fold.P)),
                "valid": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes, group, shape = self.plan.fold.P, self.plan.fold.G, sum_shape(self.plan)

        pixels, last = self.pixels, self.last
        holds: list[list[Signal]] = [[] for _ in range(lanes)]
        ends = []
        for g in range(group):
            operands = Signal(self.pixels.shape(), name=f"operands_{g}")
            if g == 0:
                with m.If(self.blank):
                    m.d.sync += operands.eq(0)
                with m.Else():
                    m.d.sync += operands.eq(pixels)
            else:
                m.d.sync += operands.eq(pixels)
            weight = self.weights[g]
            for delay in range(g + 1):
                later = Signal(weight.shape(), name=f"weight_{g}_{delay}")
                m.d.sync += later.eq(weight)
                weight = later
            last_operand = Signal(name=f"last_operand_{g}")
            last_product, end = Signal(name=f"last_product_{g}"), Signal(name=f"end_{g}")
            m.d.sync += [
                last_operand.eq(last),
                last_product.eq(last_operand),
                end.eq(last_product),
            ]
            for p in range(lanes):
                product = Signal((operands[p] * weight).shape(), name=f"product_{g}_{p}")
                total = Signal(shape, name=f"total_{g}_{p}")
                acc, hold = Signal(shape, name=f"acc_{g}_{p}"), Signal(shape, name=f"hold_{g}_{p}")
                m.d.sync += product.eq(operands[p] * weight)
                m.d.comb += total.eq(acc + product)
                # Written as a register with a reset, which costs no multiplexer.
                with m.If(last_product):
                    m.d.sync += [acc.eq(0), hold.eq(total)]
                with m.Else():
                    m.d.sync += [acc.eq(total), hold.eq(0)]
                holds[p].append(hold)
            ends.append(end)
            pixels, last = operands, last_operand

        m.d.sync += self.valid.eq(Cat(*ends).any())
        for p in range(lanes):
            m.d.sync += self.sums[p].eq(reduce(or_, (hold.as_unsigned() for hold in holds[p])))
        return m


class Maximum(wiring.Component):
    """Array of ``P`` comparisons.

    Members
    -------
    pixels, blank, last : In
        As for `MultiplyAdd`; a blank pixel is smaller than any other.
    maxima : Out
        Per lane, the largest pixel of the list.
    valid : Out(1)
        `maxima` holds a result: two cycles after the last tap.
    """

    pixels: data.View
    blank: Signal
    last: Signal
    maxima: data.View
    valid: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        pixels = data.ArrayLayout(element(plan.source), plan.fold.P)
        super().__init__(
            {
                "pixels": In(pixels),
                "blank": In(1),
                "last": In(1),
                "maxima": Out(pixels),
                "valid": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shape, lowest = element(self.plan.source), self.plan.source.low

        last = Signal()
        m.d.sync += [last.eq(self.last), self.valid.eq(last)]
        for p in range(self.plan.fold.P):
            operand = Signal(shape, name=f"operand_{p}", init=lowest)
            best = Signal(shape, name=f"best_{p}", init=lowest)
            larger = Signal(shape, name=f"larger_{p}")
            m.d.sync += operand.eq(Mux(self.blank, lowest, self.pixels[p]))
            m.d.comb += larger.eq(Mux(operand > best, operand, best))
            m.d.sync += [best.eq(Mux(last, lowest, larger)), self.maxima[p].eq(larger)]
        return m
