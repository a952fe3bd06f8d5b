"""Requantise: adds the bias to the sums of the lanes and scales them to activations."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.layer_plan import LayerPlan
from hw.parts.beats import element
from hw.parts.lanes import sum_shape
from hw.parts.steps import cyclic_index, saturate


class Requantise(wiring.Component):
    """Requantiser of one output a cycle, for all lanes, in the order of `Schedule.picks`.

    Computes ``clip(((sum + bias) * multiplier + 2**(shift - 1)) >> shift, low, high)``, or only
    ``sum + bias`` where the layer keeps its accumulators. Latency: one cycle for the bias, one for
    the multiplication if there is one, one for the saturation.

    Members
    -------
    sums, valid : In
        Per lane, a sum of products.
    results : Out
        Per lane, an activation.
    done : Out(1)
        `results` is valid.
    """

    sums: data.View
    valid: Signal
    results: data.View
    done: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        lanes = plan.fold.P
        super().__init__(
            {
                "sums": In(data.ArrayLayout(sum_shape(plan), lanes)),
                "valid": In(1),
                "results": Out(data.ArrayLayout(element(plan.result), lanes)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        width, shift, multipliers = (0, 0, ())
        if plan.conv.shift is not None:
            width, shift, multipliers = plan.requantiser
        half = 1 << (shift - 1) if width else 0

        picks = [pick.output for pick in plan.schedule.picks]
        layout = data.StructLayout({"bias": signed(plan.bias_bits), "multiplier": width})
        init = [
            layout.const({"bias": plan.biases[o], "multiplier": multipliers[o] if width else 0})
            for o in picks
        ]
        m.submodules.memory = memory = Memory(shape=layout, depth=len(init), init=init)
        read = memory.read_port()
        _, next_index = cyclic_index(m, len(init), self.valid, "index")
        m.d.comb += read.addr.eq(next_index)

        valid, multiplier = Signal(), Signal(width)
        m.d.sync += [valid.eq(self.valid), multiplier.eq(read.data.multiplier)]
        scaled = []
        for p in range(self.plan.fold.P):
            total = self.sums[p] + read.data.bias
            biased = Signal(total.shape(), name=f"biased_{p}")
            m.d.sync += biased.eq(total)
            if width:
                product = Signal((biased * multiplier).shape(), name=f"product_{p}")
                m.d.sync += product.eq(biased * multiplier)
                biased = Signal.like(product + half, name=f"rounded_{p}")
                m.d.comb += biased.eq(product + half)
            scaled.append(biased)
        if width:
            product_valid = Signal()
            m.d.sync += product_valid.eq(valid)
            valid = product_valid

        if not shift:
            m.d.comb += self.done.eq(valid)
            for p, value in enumerate(scaled):
                m.d.comb += self.results[p].eq(value)
            return m
        m.d.sync += self.done.eq(valid)
        low, high = self.plan.result.low, self.plan.result.high
        for p, value in enumerate(scaled):
            shifted = Signal(signed(max(len(value) - shift, 1)), name=f"shifted_{p}")
            m.d.comb += shifted.eq(value >> shift)
            saturate(m, shifted, low, high, self.results[p])
        return m
