"""Cells with the registers of the ECP5's, in plain Amaranth, and without mercy for collisions."""

from amaranth.hdl import Mux, Signal

from hw.cells.ecp5 import Ecp5
from hw.cells.portable import Portable
from hw.parts.steps import delayed, take


class Registered(Portable):
    """Cells that take as many cycles as the ECP5's.

    A word of a row buffer that is read while it is written comes out with all its bits inverted.
    """

    name = "registered"
    stages = Ecp5.stages

    def row_buffer(self, m, name, depth, neutral, write, address):
        word = super().row_buffer(m, name, depth, neutral, write, address)
        where, _, enable = write
        meets, out = Signal(name=f"{name}_meets"), Signal.like(word, name=f"{name}_out")
        m.d.sync += [
            meets.eq(enable.any() & (where == address)),
            out.eq(word ^ meets.replicate(len(word))),
        ]
        return out

    def rom(self, m, name, width, words, address):
        return delayed(m, super().rom(m, name, width, words, address), 1, f"{name}_out")

    def accumulate(self, m, name, product, last, hold, start, *, holds):
        if start is None:
            super().accumulate(m, name, product, last, hold, start, holds=holds)
            return
        acc = Signal(hold.shape(), name=f"acc_{name}")
        total = Signal(hold.shape(), name=f"total_{name}")
        m.d.comb += total.eq(Mux(start.begun, acc, start.bias) + product)
        m.d.sync += acc.eq(total)
        take(m, last, hold, total, holds=holds)
