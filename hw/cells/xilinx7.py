"""Cells for the 7 series of Xilinx, in plain Amaranth that Yosys and Vivado map as it is meant."""

from amaranth import *

from hw.cells.portable import Portable, Start
from hw.parts.steps import delayed, take
from hw.timing import Stages

_LEAST_BITS = 2048  # of a block RAM; 32 LUTs hold as many


class Xilinx7(Portable):
    """Accumulators inside DSP48E1; row buffers and weights in block RAM.

    A DSP48E1 multiplies into its register M, and adds that to its register P or, where a sum
    begins, to port C. P holds a sum a cycle after its last product; a hold register in the fabric
    takes it from there.
    """

    name = "xilinx7"
    family = "xilinx7"
    stages = Stages(accumulate=2, preloads=True)

    def memory_attributes(self, bits: int) -> dict[str, str]:
        """Attributes in Verilog of a memory of so many bits: block RAM from some size on."""
        if bits < _LEAST_BITS:
            return {}
        return {"ram_style": "block", "rom_style": "block"}

    def accumulate(
        self,
        m: Module,
        name: str,
        product: Value,
        last: Value,
        hold: Value,
        start: Start | None,
        *,
        holds: bool,
    ) -> None:
        """Sum products in one lane."""
        acc = Signal(hold.shape(), name=f"acc_{name}")
        complete = delayed(m, last, 1, f"complete_{name}")
        m.d.sync += acc.eq(Mux(complete, start.bias if start else 0, acc) + product)
        take(m, complete, hold, acc, holds=holds)
