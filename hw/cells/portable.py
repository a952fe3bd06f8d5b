"""Cells in plain Amaranth, which every tool maps to any part and every simulator runs."""

from amaranth import *
from amaranth.lib import data
from amaranth.lib.memory import Memory

from hw.contents import Contents
from hw.layer_plan import LayerPlan
from hw.parts.load import Write
from hw.parts.steps import delayed, keep
from hw.timing import Stages


class Portable:
    """What parts are made of where families of parts differ; others override it.

    An object of this class, or of one that is derived from it, is the `platform` of `elaborate`.

    Attributes
    ----------
    name : str
        Name of the family, by which it is chosen.
    stages : Stages
        Cycles of what it builds.
    """

    name: str = "portable"
    stages: Stages = Stages()

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
        m.submodules[name] = memory = Memory(shape=shape, depth=depth, init=init)
        write_port, read = memory.write_port(granularity=1), memory.read_port()
        m.d.comb += [
            write_port.addr.eq(where),
            write_port.data.eq(word),
            write_port.en.eq(enable),
            read.addr.eq(address),
        ]
        return Value.cast(read.data)

    def weights(
        self, m: Module, name: str, shape: data.ArrayLayout, init: list[list[int]], address: Value
    ) -> Value:
        """Build a memory of weights, one for each output of a group in every word.

        Returns
        -------
        Value
            The word, ``stages.read - 1`` cycles after its address.
        """
        words = [shape.const(weights) for weights in init]
        m.submodules[name] = memory = Memory(shape=shape, depth=len(init), init=words)
        read = memory.read_port()
        m.d.comb += read.addr.eq(address)
        return Value.cast(read.data)

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
    ) -> None:
        """Sum products of one output of a group, in all lanes.

        Parameters
        ----------
        m : Module
        plan : LayerPlan
        g : int
            Place of the output in its group.
        operands : View
            An activation per lane.
        weight : Value
            The weight that all of them meet; if the plan has none, they are summed as they are.
        last : Value
            With the products, ``stages.multiply`` cycles after their operands: they complete a sum.
        holds : View
            A sum per lane, ``stages.accumulate`` cycles after `last`; it stays, or is zero in any
            other cycle (`LayerPlan.holds`).
        """
        for p in range(plan.fold.P):
            shape = Value.cast(holds[p]).shape()
            width = (operands[p] * weight).shape() if plan.weighted else operands[p].shape()
            product = Signal(width, name=f"product_{g}_{p}")
            total, acc = Signal(shape, name=f"total_{g}_{p}"), Signal(shape, name=f"acc_{g}_{p}")
            m.d.sync += product.eq(operands[p] * weight if plan.weighted else operands[p])
            m.d.comb += total.eq(acc + product)
            keep(m, last, acc, total, holds[p], 0, holds=plan.holds)


PORTABLE = Portable()


def cells(platform: Portable | None) -> Portable:
    """Take the portable ones where none are asked for, as Amaranth's simulator does."""
    return platform or PORTABLE
