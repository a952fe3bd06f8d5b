"""Cells for the 7 series of Xilinx in which two lanes share a DSP48E1."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import *
from amaranth.lib import data

from hw.cells.portable import Start
from hw.cells.xilinx7 import Xilinx7
from hw.layer_plan import LayerPlan
from hw.parts.steps import delayed, take

_OPERAND_BITS = 24  # of port A, less its sign
_SUM_BITS = 48


@dataclass(frozen=True)
class Packing:
    """Where two lanes lie in one DSP48E1.

    Activations ``upper * 2**place + lower`` meet one weight, and register P sums both products up:
    it holds ``U * 2**place + L``. What lies from bit `place` on is ``U + (L >> place)``. That shift
    of the lower sum changes by one at most with every product, because none is larger than
    ``2**(place - 1)``: upwards where bit ``place - 1`` falls and the weight is not negative,
    downwards where it rises and the weight is negative. A small counter follows it, so that both
    sums are known exactly, and no product is added in the fabric.

    Parameters
    ----------
    place : int
        First bit of the upper lane.
    sum_bits : int
        Width of a sum.
    """

    place: int
    sum_bits: int

    @staticmethod
    def of(plan: LayerPlan) -> "Packing | None":
        """Find the place for the upper lane; None if two lanes do not fit."""
        if not (plan.is_conv and plan.weighted) or plan.source.signed:
            return None
        bits, sum_bits = plan.source.bits, plan.sum_bits
        place = min(_OPERAND_BITS - bits, _SUM_BITS - sum_bits)
        return Packing(place, sum_bits) if bits + plan.conv.weight_bits <= place else None

    @property
    def count_bits(self) -> int:
        """Width of the counter."""
        return max(self.sum_bits - self.place, 1)


class Xilinx7Packed(Xilinx7):
    """Cells of `Xilinx7`, but two lanes share a DSP48E1 where their formats allow it.

    So they do if activations are not signed and their bits, twice, and those of a weight are 24 at
    most. An odd lane that is left over has a DSP48E1 for itself.
    """

    name = "xilinx7_packed"

    def multiply_add(
        self,
        m: Module,
        plan: LayerPlan,
        g: int,
        operands: Signal | data.View,
        weight: Value,
        last: Value,
        holds: data.View,
        start: Start | None,
    ) -> None:
        """Sum products of one output of a group, lanes in pairs where that is possible."""
        packing = Packing.of(plan)
        if packing is None:
            super().multiply_add(m, plan, g, operands, weight, last, holds, start)
            return
        for p in range(0, plan.fold.P - 1, 2):
            pixels, sums = (operands[p], operands[p + 1]), (holds[p], holds[p + 1])
            self._pair(m, plan, f"{g}_{p}", pixels, weight, last, sums, start)
        if plan.fold.P % 2:
            p = plan.fold.P - 1
            product = self.product(m, f"product_{g}_{p}", operands[p], weight)
            self.accumulate(m, f"{g}_{p}", product, last, holds[p], start, holds=plan.holds)

    def told_apart(self, plan: LayerPlan, sums: Sequence[Value]) -> Sequence[Value]:
        """Subtract from an upper sum what the lower one has carried into it."""
        packing = Packing.of(plan)
        if packing is None:
            return sums
        upper = range(1, plan.fold.P, 2)
        return [
            value - (sums[p - 1] >> packing.place) if p in upper else value
            for p, value in enumerate(sums)
        ]

    def _pair(
        self,
        m: Module,
        plan: LayerPlan,
        name: str,
        pixels: tuple[Value, Value],
        weight: Value,
        last: Value,
        holds: tuple[Value, Value],
        start: Start | None,
    ) -> None:
        """Sum products of two lanes; the upper sum is held with what the lower carried into it."""
        packing = Packing.of(plan)
        assert packing is not None
        lower, upper = pixels
        packed = Signal(packing.place + len(upper), name=f"packed_{name}")
        m.d.comb += packed.eq(Cat(lower, Const(0, packing.place - len(lower)), upper))
        product = self.product(m, f"product_{name}", packed, weight)

        place, bias = packing.place, start.bias if start else Const(0, signed(1))
        complete = delayed(m, last, 1, f"complete_{name}")
        negative = delayed(m, weight[-1], self.stages.multiply + 1, f"negative_{name}")
        acc = Signal(signed(place + packing.sum_bits), name=f"acc_{name}")
        m.d.sync += acc.eq(Mux(complete, (bias << place) + bias, acc) + product)

        # What is of the accumulator in this cycle follows what was of it in the last one.
        began, begun_with = delayed(m, complete, 1), delayed(m, bias, 1)
        was, before = Signal(name=f"was_{name}"), Signal(name=f"before_{name}")
        count = Signal(signed(packing.count_bits), name=f"count_{name}")
        counted = Signal.like(count, name=f"counted_{name}")
        now = acc[place - 1]
        rises, falls = ~before & now & negative, before & ~now & ~negative
        step = Cat(rises | falls, rises).as_signed()
        m.d.comb += [
            before.eq(Mux(began, (begun_with >> (place - 1))[0], was)),
            counted.eq(Mux(began, begun_with >> place, count) + step),
        ]
        m.d.sync += [was.eq(now), count.eq(counted)]

        for hold, found in zip(holds, (Cat(acc[:place], counted), acc[place:]), strict=True):
            take(m, complete, hold, found, holds=plan.holds)
