"""Cells of the ECP5: multipliers, carry cells and block RAMs with the registers that they have."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import data

from hw.cells.ecp5_block_ram import Form, Write, block_ram
from hw.cells.portable import Portable, Start, in_lane
from hw.contents import Contents
from hw.layer_plan import LayerPlan
from hw.parts import load
from hw.parts.steps import delayed, either, take
from hw.timing import Stages

_LEAST_BITS = 2048  # of a block RAM; fewer are as many as 128 LUTs hold
# Bits of sums, of operands A to D; the lowest four bits are also the carry that does not pass on.
_ADD = 0x663C  # (A if D else C) ^ B
_ADD_EITHER = 0x111E  # (A | B) ^ (C | D)
_OPERAND = 18
_STAGES = "INPUTA", "INPUTB", "PIPELINE", "OUTPUT"


class Ecp5(Portable):
    """Cells of the ECP5."""

    name = "ecp5"
    stages = Stages(read=3, multiply=4, accumulate=1, preloads=True)

    def row_buffer(
        self,
        m: Module,
        name: str,
        depth: int,
        neutral: int,
        write: tuple[Value, data.View, Value],
        address: Value,
    ) -> Value:
        """Build a bank of a row buffer, in block RAM from some size on."""
        where, word, enable = write
        shape = word.shape()
        elements = shape.length
        bits = Shape.cast(shape).width // elements
        if not _pays(depth, elements, bits):
            read = super().row_buffer(m, name, depth, neutral, write, address)
            return delayed(m, read, 1, f"{name}_later")
        first = shape.const([neutral] * elements).as_bits()
        port = Write(where, Value.cast(word), enable)
        return block_ram(m, name, [first] * depth, elements, bits, address, port)

    def rom(self, m: Module, name: str, width: int, words: Sequence[int], address: Value) -> Value:
        """Build a memory that is only read, in block RAM from some size on."""
        if not _pays(len(words), 1, width):
            read = super().rom(m, name, width, words, address)
            return delayed(m, read, 1, f"{name}_later")
        return block_ram(m, name, words, 1, width, address)

    def loadable(
        self, m: Module, name: str, contents: Contents, address: Value, write: load.Write
    ) -> Value:
        """Build a memory that can be loaded, in block RAM from some size on."""
        bits, words = contents.bits, contents.words
        if not _pays(len(words), 1, bits):
            return super().loadable(m, name, contents, address, write)
        return block_ram(m, name, words, 1, bits, address, Write(*write))

    def product(self, m: Module, name: str, a: Value, b: Value) -> Value:
        """Multiply: three registers of the multiplier, and one halfway to the carry cells."""
        assert max(len(a), len(b)) <= _OPERAND
        shape = (a * b).shape()
        product = Signal(shape, name=name)
        pins = {f"i_A{k}": _extended(a, k) for k in range(_OPERAND)}
        pins |= {f"i_B{k}": _extended(b, k) for k in range(_OPERAND)}
        pins |= {f"o_P{k}": product[k] for k in range(shape.width)}
        m.submodules[f"{name}_multiplier"] = Instance(
            "MULT18X18D",
            # Controls that are left open read 1: registers go on, but the reset must be driven.
            # Were enables tied to 1, that would be routed, to every multiplier.
            **{f"p_REG_{stage}_CLK": "CLK0" for stage in _STAGES},
            i_CLK0=ClockSignal(),
            i_RST0=ResetSignal(),
            i_SIGNEDA=Const(a.shape().signed),
            i_SIGNEDB=Const(b.shape().signed),
            **pins,
        )
        return delayed(m, product, 1, f"{name}_later")

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
        """Sum products in one lane: a carry cell adds to the sum, or to what it begins with."""
        if start is None:
            super().accumulate(m, name, product, last, hold, start, holds=holds)
            return
        shape = hold.shape()
        acc = Signal(shape, name=f"acc_{name}")
        begun = start.begun.replicate(shape.width)
        total = _carry_chain(m, f"add_{name}", _ADD, shape, (acc, product, start.bias, begun))
        m.d.sync += acc.eq(total)
        take(m, last, hold, total, holds=holds)

    def gather(
        self,
        m: Module,
        plan: LayerPlan,
        name: str,
        sides: Sequence[Sequence[data.View]],
        result: data.View,
    ) -> None:
        """Gather sums; of two sides, a carry cell takes two values each, of which one is zero."""
        if len(sides) == 1:
            super().gather(m, plan, name, sides, result)
            return
        for p in range(plan.fold.P):
            shape, operands = result[p].shape(), []
            for held in sides:
                values = in_lane(held, p)
                first = 1 + 3 * ((len(values) - 1) // 6)  # as many as some LUT4s take, all in use
                for half in (values[:first], values[first:] or [Const(0)]):
                    operand = Signal(shape, name=f"{name}_{p}_{len(operands)}")
                    m.d.sync += operand.eq(either(half))
                    operands.append(operand)
            total = _carry_chain(m, f"{name}_{p}", _ADD_EITHER, shape, operands)
            m.d.sync += result[p].eq(total)


def _carry_chain(
    m: Module, name: str, function: int, shape: Shape, operands: Sequence[Value]
) -> Signal:
    """Add with carry cells, of which all bits have one function of four operands."""
    total, carry = Signal(shape, name=f"{name}_total"), Const(0, 1)
    for low in range(0, shape.width, 2):
        pins = {}
        for half, k in enumerate(range(low, min(low + 2, shape.width))):
            pins |= {
                f"i_{pin}{half}": _extended(value, k)
                for pin, value in zip("ABCD", operands, strict=True)
            }
            pins[f"o_S{half}"] = total[k]
        next_carry = Signal(name=f"{name}_carry_{low}")
        m.submodules[f"{name}_{low}"] = Instance(
            "CCU2C",
            p_INIT0=Const(function, 16),
            p_INIT1=Const(function, 16),
            p_INJECT1_0="NO",
            p_INJECT1_1="NO",
            i_CIN=carry,
            o_COUT=next_carry,
            **pins,
        )
        carry = next_carry
    return total


def _pays(depth: int, elements: int, bits: int) -> bool:
    form = Form.of(depth)
    return form is not None and depth * elements * bits >= _LEAST_BITS * form.blocks(elements, bits)


def _extended(value: Value, k: int) -> Value:
    """Bit of a value that is extended by its sign."""
    if k < len(value):
        return value.as_unsigned()[k]
    return value.as_unsigned()[-1] if value.shape().signed else Const(0, 1)
