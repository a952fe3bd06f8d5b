"""Weight loader: takes a network's weights from a stream while no frame is inside."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.contents import Contents
from hw.parts.axis import Axis, AxisInterface
from hw.parts.load import Load, LoadInterface


class WeightLoader(wiring.Component):
    """Loader of memories, one after the other, from a stream of bytes.

    As soon as there is a byte no further frame may begin, and bytes are taken when those that have
    begun have left. So a frame meets the weights of one load only. TLAST must come with the last
    byte: a load that ends sooner, or later, or in a reset, has to be followed by a whole one before
    any frame may begin.

    Parameters
    ----------
    memories : sequence of Contents

    Members
    -------
    i : In(Axis)
        Bytes: `Contents.encode` of every memory.
    hold : Out(1)
        No frame may begin.
    empty : In(1)
        No frame is inside.
    load : Out(Load)
    incomplete : Out(1)
        A load has begun, and none has been whole since. A reset does not change that.
    """

    i: AxisInterface
    hold: Signal
    empty: Signal
    load: LoadInterface
    incomplete: Signal

    def __init__(self, memories: Sequence[Contents]) -> None:
        self.memories = memories
        super().__init__(
            {
                "i": In(Axis(1, 8)),
                "hold": Out(1),
                "empty": In(1),
                "load": Out(Load(memories)),
                "incomplete": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, load, many = self.i, self.load, len(self.memories)
        sizes = Array(memory.size - 1 for memory in self.memories)
        depths = Array(len(memory.words) - 1 for memory in self.memories)

        memory, address = Signal(range(many)), Signal.like(load.address)
        byte = Signal(range(max(memory.size for memory in self.memories)))
        wanted, torn = Signal(), Signal(reset_less=True)
        surplus = Signal()  # what comes behind a load is dropped
        accept, word_end, memory_end, end = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            i.tready.eq(self.hold & self.empty),
            accept.eq(i.tvalid & i.tready),
            word_end.eq(byte == sizes[memory]),
            memory_end.eq(word_end & (address == depths[memory])),
            end.eq(memory_end & (memory == many - 1)),
            self.incomplete.eq(torn),
            self.hold.eq(wanted | torn),
        ]
        m.d.sync += [
            wanted.eq(i.tvalid),
            load.write.eq(Mux(accept & word_end & ~surplus, 1 << memory, 0)),
        ]
        with m.If(accept):
            m.d.sync += [
                load.word.eq(Cat(load.word[8:], i.tdata)),
                load.address.eq(address),
                torn.eq(surplus | ~end | ~i.tlast),
                surplus.eq(~i.tlast & (surplus | end)),
                byte.eq(byte + 1),
            ]
            with m.If(word_end):
                m.d.sync += [byte.eq(0), address.eq(address + 1)]
            with m.If(memory_end):
                m.d.sync += [address.eq(0), memory.eq(memory + 1)]
            with m.If(end | i.tlast):
                m.d.sync += [byte.eq(0), address.eq(0), memory.eq(0)]
        return m
