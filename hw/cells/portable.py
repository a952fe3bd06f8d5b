"""Cells in plain Amaranth, which every tool maps to any part and every simulator runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import *
from amaranth.lib import data
from amaranth.lib.memory import Memory

from hw.contents import Contents
from hw.layer_plan import LayerPlan
from hw.parts.load import Write
from hw.parts.steps import delayed, either, keep
from hw.timing import Stages


@dataclass(frozen=True)
class Start:
    """What the sums of one output of a group begin with.

    Parameters
    ----------
    begun : Value
        The products go to sums that have begun; else these begin with the products, or with zero.
    bias : Value
        What is added to sums that begin.
    """

    begun: Value
    bias: Value


class Portable:
    """What parts are made of where families of parts differ; others override it.

    An object of this class, or of one that is derived from it, is the `platform` of `elaborate`.

    Attributes
    ----------
    name : str
        Name of the family, by which it is chosen.
    family : str
        Family of parts for which a design of these cells is synthesised, if none is asked for.
    stages : Stages
        Cycles of what it builds.
    """

    name: str = "portable"
    family: str = "ecp5"
    stages: Stages = Stages()

    def memory_attributes(self, bits: int) -> dict[str, str]:
        """Attributes in Verilog of a memory of so many bits."""
        return {}

    def row_buffer(
        self,
        m: Module,
        name: str,
        depth: int,
        neutral: int,
        write: tuple[Value, data.View, Value],
        address: Value,
    ) -> Value:
        """Build a bank of a row buffer, of which a word is read while another is written.

        Nothing is ever read in the cycle in which it is written (`docs/architecture.md`).

        Parameters
        ----------
        m : Module
        name : str
        depth : int
            Words.
        neutral : int
            What every pixel is at first: columns outside the picture are never written.
        write : (Value, View, Value)
            Address, word and one enable per lane.
        address : Value
            Word that is read.

        Returns
        -------
        Value
            The word, ``stages.read - 1`` cycles later.
        """
        where, word, enable = write
        shape = word.shape()
        init = [shape.const([neutral] * shape.length)] * depth if neutral else []
        attrs = self.memory_attributes(depth * Shape.cast(shape).width)
        m.submodules[name] = memory = Memory(shape=shape, depth=depth, init=init, attrs=attrs)
        memory.attrs["no_rw_check"] = "1"  # to Yosys: it need not see to what such a read gives
        write_port, read = memory.write_port(granularity=1), memory.read_port()
        m.d.comb += [
            write_port.addr.eq(where),
            write_port.data.eq(word),
            write_port.en.eq(enable),
            read.addr.eq(address),
        ]
        return Value.cast(read.data)

    def rom(self, m: Module, name: str, width: int, words: Sequence[int], address: Value) -> Value:
        """Build a memory that is only read, of words of some bits.

        Returns
        -------
        Value
            The word, ``stages.read - 1`` cycles after its address.
        """
        m.submodules[name] = memory = Memory(
            shape=width,
            depth=len(words),
            init=words,
            attrs=self.memory_attributes(width * len(words)),
        )
        read = memory.read_port()
        m.d.comb += read.addr.eq(address)
        return read.data

    def loadable(
        self, m: Module, name: str, contents: Contents, address: Value, write: Write
    ) -> Value:
        """Build a memory that is read as that of the weights is, and can be loaded.

        What is read in the cycle in which it is written does not matter.

        Returns
        -------
        Value
            The word, ``stages.read - 1`` cycles after its address.
        """
        width, words = contents.bits, contents.words
        m.submodules[name] = memory = Memory(shape=width, depth=len(words), init=words)
        port, read = memory.write_port(), memory.read_port()
        where, word, enable = write
        found = Signal(width, name=f"{name}_read")
        m.d.comb += [
            port.addr.eq(where),
            port.data.eq(word),
            port.en.eq(enable),
            read.addr.eq(address),
            found.eq(read.data),
        ]
        return delayed(m, found, self.stages.read - 2, f"{name}_later")

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
        """Sum products of one output of a group, in all lanes.

        Parameters
        ----------
        m : Module
        plan : LayerPlan
        g : int
            Place of the output in its group.
        operands : Signal or View
            An activation per lane.
        weight : Value
            The weight that all of them meet; if the plan has none, they are summed as they are.
        last : Value
            With the products, `LayerPlan.multiply_latency` cycles after their operands: they
            complete a sum.
        holds : View
            A sum per lane, ``stages.accumulate`` cycles after `last`; it stays, or is zero in any
            other cycle (`LayerPlan.holds`).
        start : Start, optional
            What sums begin with, where that is not zero.
        """
        for p in range(plan.fold.P):
            name = f"{g}_{p}"
            if plan.weighted:
                product = self.product(m, f"product_{name}", operands[p], weight)
            else:
                product = delayed(m, operands[p], 1, f"product_{name}")
            self.accumulate(m, name, product, last, holds[p], start, holds=plan.holds)

    def product(self, m: Module, name: str, a: Value, b: Value) -> Value:
        """Multiply, in ``stages.multiply`` cycles."""
        return delayed(m, a * b, self.stages.multiply, name)

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
        """Sum products, as `multiply_add` does, in one lane."""
        assert start is None
        shape = hold.shape()
        total, acc = Signal(shape, name=f"total_{name}"), Signal(shape, name=f"acc_{name}")
        m.d.comb += total.eq(acc + product)
        keep(m, last, acc, total, hold, 0, holds=holds)

    def gather(
        self,
        m: Module,
        plan: LayerPlan,
        name: str,
        sides: Sequence[Sequence[data.View]],
        result: data.View,
    ) -> None:
        """Gather, in every lane, the one sum of several that is not zero; of two sides, add both.

        Parameters
        ----------
        m : Module
        plan : LayerPlan
        name : str
        sides : sequence of sequence of View
            Registers of one side or two. Each has a sum per lane, or zero.
        result : View
            A sum per lane, a cycle later; two cycles later where there are two sides.
        """
        found = []
        for index, held in enumerate(sides):
            one = Signal.like(result, name=f"{name}_{index}")
            gathered = Signal.like(result, name=f"{name}_{index}_gathered")
            m.d.comb += [one[p].eq(either(in_lane(held, p))) for p in range(plan.fold.P)]
            apart = self.told_apart(plan, [one[p] for p in range(plan.fold.P)])
            m.d.sync += [gathered[p].eq(value) for p, value in enumerate(apart)]
            found.append(gathered)
        if len(found) == 1:
            m.d.comb += result.eq(found[0])
            return
        one, other = found
        m.d.sync += [result[p].eq(one[p] + other[p]) for p in range(plan.fold.P)]

    def told_apart(self, plan: LayerPlan, sums: Sequence[Value]) -> Sequence[Value]:
        """Take what sums of one output, a lane each, are from what was in their hold registers."""
        return sums


def in_lane(held: Sequence[data.View], p: int) -> list[Value]:
    """Bits of a lane's sums, of several registers; zero, where there is none."""
    return [Value.cast(one[p]).as_unsigned() for one in held] or [Const(0)]


PORTABLE = Portable()


def cells(platform: Portable | None) -> Portable:
    """Take the portable ones where none are asked for, as Amaranth's simulator does."""
    return platform or PORTABLE
