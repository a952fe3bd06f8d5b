"""Cells for the 7 series of Xilinx, in plain Amaranth that Yosys and Vivado map as it is meant."""

from typing import ClassVar

from amaranth import *
from amaranth.lib import data

from hw.cells.portable import Portable
from hw.layer_plan import LayerPlan
from hw.parts.steps import delayed
from hw.timing import Stages


class Xilinx7(Portable):
    """Accumulators inside DSP48E1; row buffers and weights in block RAM.

    A DSP48E1 multiplies into its register M, and adds that to its register P or, where a sum begins,
    to port C. P holds a sum a cycle after its last product; a hold register in the fabric takes it
    from there.
    """

    name = "xilinx7"
    stages = Stages(accumulate=2)
    memory_attributes: ClassVar = {"ram_style": "block", "rom_style": "block"}

    def multiply_add(
        self,
        m: Module,
        plan: LayerPlan,
        g: int,
        operands: Signal | data.View,
        weight: Value,
        last: Value,
        holds: data.View,
    ) -> None:
        complete = delayed(m, last, 1, f"complete_{g}")
        for p in range(plan.fold.P):
            shape = Value.cast(holds[p]).shape()
            width = (operands[p] * weight).shape() if plan.weighted else operands[p].shape()
            product, acc = (
                Signal(width, name=f"product_{g}_{p}"),
                Signal(shape, name=f"acc_{g}_{p}"),
            )
            m.d.sync += [
                product.eq(operands[p] * weight if plan.weighted else operands[p]),
                acc.eq(Mux(complete, 0, acc) + product),
            ]
            with m.If(complete):
                m.d.sync += holds[p].eq(acc)
            if not plan.holds:
                with m.Else():
                    m.d.sync += holds[p].eq(0)


XILINX7 = Xilinx7()
