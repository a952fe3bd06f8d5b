"""Requantise: adds the bias to the sums of the lanes and scales them to activations."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.cells.portable import Portable, cells
from hw.contents import contents
from hw.layer_plan import CELL_BITS, LayerPlan
from hw.parts.beats import element
from hw.parts.lanes import sum_shape
from hw.parts.load import Load, LoadInterface
from hw.parts.steps import cyclic_index, delayed, saturate
from hw.timing import ROUND


class Requantise(wiring.Component):
    """Requantiser of `E` outputs a cycle, for all lanes, in the order of `Schedule.exits`.

    Computes ``clip(((sum + bias) * multiplier + 2**(shift - 1)) >> shift, low, high)``, or only
    ``sum + bias`` where the layer keeps its accumulators, in `LayerPlan.requantise_latency` cycles.

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
        plan, made_of = self.plan, cells(platform)
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

        biasing = "comb" if plan.preloads else "sync"
        m.d.comb += self.done.eq(delayed(m, self.valid, plan.requantise_latency))
        for e in range(plan.fold.E):
            multiplier = Signal(width, name=f"multiplier_{e}")
            m.d[biasing] += multiplier.eq(read.data[e].multiplier)
            for p in range(plan.fold.P):
                total = self.sums[e][p] + (0 if plan.preloads else read.data[e].bias)
                biased = Signal(signed(plan.biased_bits), name=f"biased_{e}_{p}")
                m.d[biasing] += biased.eq(total)
                self._scale(m, made_of, biased, multiplier, shift, self.results[e][p])
        return m

    def _scale(
        self,
        m: Module,
        made_of: Portable,
        biased: Signal,
        multiplier: Signal,
        shift: int,
        result: Value,
    ) -> None:
        """Multiply, round, shift and saturate, each where there is need of it."""
        if not shift:
            m.d.comb += result.eq(biased)
            return
        if not len(multiplier):
            saturate(m, biased >> shift, result)
            return
        bits, is_signed = self.plan.operand
        operand = biased[:bits].as_signed() if is_signed else biased[:bits]
        left_out = biased[bits - is_signed :]  # the sign bit of what is kept is among them
        over, under = (
            delayed(m, exceeds, made_of.stages.multiply + ROUND, f"{side}_{biased.name}")
            for side, exceeds in (
                ("over", ~biased[-1] & left_out.any()),
                ("under", biased[-1] & (~left_out.all() | (not is_signed))),
            )
        )
        rounded = self._round(m, made_of, biased.name, operand, multiplier, shift)
        saturate(m, rounded, result, over, under)

    def _round(
        self,
        m: Module,
        made_of: Portable,
        name: str,
        operand: Value,
        multiplier: Signal,
        shift: int,
    ) -> Signal:
        """Multiply and shift, rounding half up.

        Of an operand that is too wide for a multiplier cell, the low bits are multiplied apart.
        """
        apart = self.plan.apart
        high, low = operand[apart:], operand[:apart]
        high = high.as_signed() if operand.shape().signed else high
        product = _product(m, made_of, f"{name}_high", high, multiplier)
        small = _product(m, made_of, f"{name}_low", low, multiplier)
        total = product + (small[apart:] | 1 << (shift - 1 - apart))
        rounded = Signal((total >> (shift - apart)).shape(), name="rounded")
        m.d.sync += rounded.eq(total >> (shift - apart))
        return rounded


def _product(m: Module, made_of: Portable, name: str, a: Value, b: Value) -> Value:
    """Multiply: in a multiplier cell, where it takes both."""
    if min(len(a), len(b)) > 0 and max(len(a), len(b)) <= CELL_BITS:
        return made_of.product(m, name, a, b)
    return delayed(m, a * b, made_of.stages.multiply, name)
