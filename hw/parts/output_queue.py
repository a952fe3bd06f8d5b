"""Output queue: gives results their place in the row, and keeps them until they are taken."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.layer_plan import LayerPlan
from hw.parts.beats import beat, beats, element
from hw.parts.steps import cyclic_index


class OutputQueue(wiring.Component):
    """Queue of results on their way out; it never overflows, as the walker keeps room for them.

    Members
    -------
    results, valid : In
        Per lane, one output; outputs in the order of `Schedule.picks`, once per block of columns.
    o : Out(beats)
        Beats to the consumer.
    left : Out(1)
        An output leaves in this cycle.
    """

    results: data.View
    valid: Signal
    o: stream.Interface
    left: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        super().__init__(
            {
                "results": In(data.ArrayLayout(element(plan.result), plan.fold.P)),
                "valid": In(1),
                "o": Out(beats(plan.result, plan.columns)),
                "left": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        order = [pick.output for pick in plan.schedule.picks]
        blocks = plan.columns.block

        index, next_index = cyclic_index(m, len(order), self.valid, "index")
        block = Signal(range(blocks))
        with m.If(self.valid & (index == len(order) - 1)):
            m.d.sync += block.eq(Mux(block == blocks - 1, 0, block + 1))
        channel = index
        if order != sorted(order):
            m.submodules.order = memory = Memory(
                shape=range(len(order)), depth=len(order), init=order
            )
            read = memory.read_port()
            m.d.comb += read.addr.eq(next_index)
            channel = read.data

        layout = beat(plan.result, plan.columns)
        m.submodules.fifo = fifo = SyncFIFO(width=Shape.cast(layout).width, depth=plan.queue_depth)
        enter = Signal(layout)
        m.d.comb += [
            enter.channel.eq(channel),
            enter.column.eq(block),
            enter.pixels.eq(self.results),
            fifo.w_data.eq(enter),
            fifo.w_en.eq(self.valid),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
            self.left.eq(self.o.valid & self.o.ready),
        ]
        return m
