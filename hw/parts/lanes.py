"""Lanes: the array of multiply-adds, or of comparisons, that one sequencer feeds."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.cells.portable import Portable, Start, cells
from hw.layer_plan import LayerPlan
from hw.parts.beats import element
from hw.parts.steps import cyclic_index, delayed, keep


def sum_shape(plan: LayerPlan) -> Shape:
    """Shape of a sum of products without its bias: exactly as wide as the weights require."""
    if not plan.is_conv:
        return element(plan.source)
    return signed(plan.sum_bits)


def sums(plan: LayerPlan) -> data.ArrayLayout:
    """Lay out the sums of a group's outputs, each with one element per lane."""
    return data.ArrayLayout(data.ArrayLayout(sum_shape(plan), plan.fold.P), plan.fold.G)


class MultiplyAdd(wiring.Component):
    """Array of ``P * G`` multiply-adds of one sequencer; nothing in it ever waits.

    As many outputs of a group as leave in one cycle run abreast, the next ones a cycle behind. A
    hold register keeps its sum until the next one or, where sums are gathered as they end, is zero
    but in the cycle after its sum is complete (`LayerPlan.holds`).

    Members
    -------
    pixels : In
        One activation per lane.
    weights : In
        One weight per output of the group, of the same tap.
    blank : In(1)
        The activations are to be taken as zero.
    last : In(1)
        The tap completes a sum.
    holds : Out
        Sums: those of the group's first `E` outputs three cycles after its last tap, the next ones
        a cycle later.
    """

    pixels: data.View
    weights: data.View
    blank: Signal
    last: Signal
    holds: data.View

    def __init__(self, plan: LayerPlan, sequencer: int = 0) -> None:
        self.plan, self.sequencer = plan, sequencer
        weight = signed(plan.conv.weight_bits)
        super().__init__(
            {
                "pixels": In(data.ArrayLayout(element(plan.source), plan.fold.P)),
                "weights": In(data.ArrayLayout(weight, plan.fold.G)),
                "blank": In(1),
                "last": In(1),
                "holds": Out(sums(plan)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, fold, made_of = self.plan, self.plan.fold, cells(platform)

        lists = plan.list_biases(self.sequencer) if plan.preloads else []
        biases = Signal(data.ArrayLayout(signed(plan.bias_bits), fold.E))
        pixels = operands = self.pixels
        last = last_product = self.last
        begun, lasts = last, []
        for g in range(fold.G):
            behind, abreast = divmod(g, fold.E)
            if not abreast:
                operands = Signal(self.pixels.shape(), name=f"operands_{g}")
                # Sums begin behind the end of others, so one of nothing ends behind a reset.
                last_operand = Signal(name=f"last_{g}", init=bool(lists) and g == 0)
                m.d.sync += [operands.eq(pixels), last_operand.eq(last)]
                last_product = delayed(m, last_operand, plan.multiply_latency, f"completes_{g}")
                lasts.append(last_operand)
                if g == 0:
                    with m.If(self.blank):
                        m.d.sync += operands.eq(0)
                if lists:
                    begun = Signal(init=1, name=f"begun_{g}")
                    m.d.sync += begun.eq(~last_product)
                pixels, last = operands, last_operand
            weight = self.weights[g]
            for delay in range(behind + 1):
                later = Signal(weight.shape(), name=f"weight_{g}_{delay}")
                m.d.sync += later.eq(weight)
                weight = later
            start = Start(begun, biases[abreast]) if lists else None
            made_of.multiply_add(m, plan, g, operands, weight, last_product, self.holds[g], start)
        if lists:
            m.d.comb += biases.eq(self._biases(m, made_of, lists, lasts))
        return m

    def _biases(
        self, m: Module, made_of: Portable, lists: list[list[int]], lasts: list[Signal]
    ) -> Value:
        """Biases of the outputs whose sums begin."""
        plan, abreast = self.plan, self.plan.fold.E
        shape = data.ArrayLayout(signed(plan.bias_bits), abreast)
        words = []
        for biases in lists:
            padded = biases + [0] * (len(lasts) * abreast - len(biases))
            words += [padded[at : at + abreast] for at in range(0, len(padded), abreast)]
        ends = Signal()
        m.d.comb += ends.eq(Cat(lasts).any())
        ahead = plan.multiply_latency + 1 - (plan.stages.read - 1)
        advance = Signal()
        m.d.comb += advance.eq(delayed(m, ends, ahead))
        index, _ = cyclic_index(m, len(words), advance, "bias_index")
        init = [shape.const(word).as_bits() for word in words]
        return made_of.rom(m, "biases", shape.size, init, index)


class Maximum(wiring.Component):
    """Array of ``P`` comparisons.

    Members
    -------
    pixels, blank, last : In
        As for `MultiplyAdd`; a blank pixel is smaller than any other.
    holds : Out
        Per lane, the largest pixel: two cycles after the last tap.
    """

    pixels: data.View
    blank: Signal
    last: Signal
    holds: data.View

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        pixels = data.ArrayLayout(element(plan.source), plan.fold.P)
        super().__init__(
            {"pixels": In(pixels), "blank": In(1), "last": In(1), "holds": Out(sums(plan))}
        )

    def elaborate(self, platform):
        m = Module()
        shape, lowest = element(self.plan.source), self.plan.source.low

        last = Signal()
        m.d.sync += last.eq(self.last)
        for p in range(self.plan.fold.P):
            operand = Signal(shape, name=f"operand_{p}", init=lowest)
            best = Signal(shape, name=f"best_{p}", init=lowest)
            larger = Signal(shape, name=f"larger_{p}")
            m.d.sync += operand.eq(Mux(self.blank, lowest, self.pixels[p]))
            m.d.comb += larger.eq(Mux(operand > best, operand, best))
            keep(m, last, best, larger, self.holds[0][p], lowest, holds=self.plan.holds)
        return m
