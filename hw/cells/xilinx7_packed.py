"""Cells for the 7 series of Xilinx in which two lanes share a DSP48E1."""

from dataclasses import dataclass

from amaranth import *
from amaranth.lib import data

from hw.cells.portable import Start
from hw.cells.xilinx7 import Xilinx7, take
from hw.layer_plan import LayerPlan
from hw.parts.steps import delayed
from hw.timing import Stages

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
        bits, sum_bits = plan.source.bits, plan.sum_bits
        if not plan.weighted or plan.source.signed:
            return None
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

    name = "xilinx7-packed"
    stages = Stages(accumulate=3, preloads=True)

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
        negative = delayed(m, weight[-1], 2, f"negative_{g}")
        for p in range(0, plan.fold.P - 1, 2):
            pixels, sums = (operands[p], operands[p + 1]), (holds[p], holds[p + 1])
            product = self._product(m, packing, f"{g}_{p}", pixels, weight)
            self._sums(m, packing, f"{g}_{p}", product, negative, last, sums, start, plan.holds)
        if plan.fold.P % 2:
            p = plan.fold.P - 1
            product = self.product(m, f"product_{g}_{p}", operands[p], weight)
            self.accumulate(m, f"{g}_{p}", product, last, holds[p], start, holds=plan.holds)

    def _product(
        self,
        m: Module,
        packing: Packing,
        name: str,
        pixels: tuple[Value, Value],
        weight: Value,
    ) -> Signal:
        """Multiply two pixels with one weight."""
        lower, upper = pixels
        packed = Signal(packing.place + len(upper), name=f"packed_{name}")
        m.d.comb += packed.eq(Cat(lower, Const(0, packing.place - len(lower)), upper))
        return self.product(m, f"product_{name}", packed, weight)

    def _sums(
        self,
        m: Module,
        packing: Packing,
        name: str,
        product: Signal,
        negative: Value,
        last: Value,
        holds: tuple[Value, Value],
        start: Start | None,
        stays: bool,
    ) -> None:
        """Sum packed products up, and tell both sums apart."""
        place, bias = packing.place, start.bias if start else Const(0, signed(1))
        acc = Signal(signed(place + packing.sum_bits), name=f"acc_{name}")
        complete = delayed(m, last, 1, f"complete_{name}")
        m.d.sync += acc.eq(Mux(complete, (bias << place) + bias, acc) + product)

        # Of the accumulator in this cycle; `before` and `count` are of the one in the last.
        began, begun_with = delayed(m, complete, 1), delayed(m, bias, 1)
        was, count = Signal(name=f"was_{name}"), Signal(signed(packing.count_bits))
        before, counted = Signal(name=f"before_{name}"), Signal.like(count)
        now = acc[place - 1]
        rises, falls = ~before & now & negative, before & ~now & ~negative
        m.d.comb += [
            before.eq(Mux(began, (begun_with >> (place - 1))[0], was)),
            counted.eq(
                Mux(began, begun_with >> place, count) + Cat(rises | falls, rises).as_signed()
            ),
        ]
        m.d.sync += [was.eq(now), count.eq(counted)]

        both, whole = delayed(m, acc, 1, f"both_{name}"), delayed(m, complete, 1)
        lower, upper = holds
        take(m, whole, lower, Cat(both[:place], count), holds=stays)
        take(m, whole, upper, both[place:] - count, holds=stays)
