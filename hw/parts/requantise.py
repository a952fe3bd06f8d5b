"""Requantise: adds the bias to the sums of the lanes and scales them to activations."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.contents import contents
from hw.layer_plan import LayerPlan
from hw.parts.beats import element
from hw.parts.lanes import sum_shape
from hw.parts.load import Load, LoadInterface
from hw.parts.steps import cyclic_index, saturate


class Requantise(wiring.Component):
    """Requantiser of `E` outputs a cycle, for all lanes, in the order of `Schedule.exits`.

    Computes ``clip(((sum + bias) * multiplier + 2**(shift - 1)) >> shift, low, high)``, or only
    ``sum + bias`` where the layer keeps its accumulators. Latency: one cycle for the bias, one for
    the multiplication if there is one, one for the saturation.

    Members
    -------
    sums, valid : In
        For each stream, per lane, a sum of products.
    results : Out
        For each stream, per lane, an activation.
    done : Out(1)
        `results` is valid.
    load : In(Load)
        Where the plan has room for it, writes to the constants.
    """

    sums: data.View
    valid: Signal
    results: data.View
    done: Signal
    load: LoadInterface

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        lanes, streams = plan.fold.P, plan.fold.E
        results = data.ArrayLayout(element(plan.result), lanes)
        super().__init__(
            {
                "sums": In(data.ArrayLayout(data.ArrayLayout(sum_shape(plan), lanes), streams)),
                "valid": In(1),
                "results": Out(data.ArrayLayout(results, streams)),
                "done": Out(1),
                **({"load": In(Load(contents(plan)[-1:]))} if plan.room else {}),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        width, shift, multipliers = (0, 0, ())
        if plan.conv.shift is not None:
            width, shift, multipliers = plan.requantiser

        streams = plan.schedule.streams
        constants = data.StructLayout({"bias": signed(plan.bias_bits), "multiplier": width})
        layout = data.ArrayLayout(constants, plan.fold.E)
        none = {"bias": 0, "multiplier": 0}
        by_output = [
            {"bias": bias, "multiplier": multipliers[o] if width else 0}
            for o, bias in enumerate(plan.biases)
        ]
        init = [
            layout.const([by_output[o] if o >= 0 else none for o in outputs])
            for outputs in zip(*streams, strict=True)
        ]
        m.submodules.memory = memory = Memory(shape=layout, depth=len(init), init=init)
        read = memory.read_port()
        _, next_index = cyclic_index(m, len(init), self.valid, "index")
        m.d.comb += read.addr.eq(next_index)
        if plan.room:
            port = memory.write_port()
            where, word, enable = self.load.port(0, contents(plan)[-1])
            m.d.comb += [port.addr.eq(where), port.data.eq(word), port.en.eq(enable)]

        done = self.valid
        for _ in range(1 + (width > 0) + (shift > 0)):
            later = Signal()
            m.d.sync += later.eq(done)
            done = later
        m.d.comb += self.done.eq(done)
        for e in range(plan.fold.E):
            multiplier = Signal(width, name=f"multiplier_{e}")
            m.d.sync += multiplier.eq(read.data[e].multiplier)
            for p in range(plan.fold.P):
                total = self.sums[e][p] + read.data[e].bias
                biased = Signal(total.shape(), name=f"biased_{e}_{p}")
                m.d.sync += biased.eq(total)
                self._scale(m, biased, multiplier, shift, self.results[e][p])
        return m

    def _scale(
        self, m: Module, biased: Signal, multiplier: Signal, shift: int, result: Value
    ) -> None:
        """Multiply, round, shift and saturate, each where there is need of it."""
        value = biased
        if len(multiplier):
            product = Signal((biased * multiplier).shape(), name=f"product_{biased.name}")
            m.d.sync += product.eq(biased * multiplier)
            half = 1 << (shift - 1)
            value = Signal.like(product + half, name=f"rounded_{biased.name}")
            m.d.comb += value.eq(product + half)
        if not shift:
            m.d.comb += result.eq(value)
            return
        shifted = Signal(signed(max(len(value) - shift, 1)), name=f"shifted_{biased.name}")
        m.d.comb += shifted.eq(value >> shift)
        saturate(m, shifted, self.plan.result.low, self.plan.result.high, result)
