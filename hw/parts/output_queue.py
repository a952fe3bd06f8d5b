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
        For each stream, per lane, one output; outputs in the order of `Schedule.exits`, once per
        block of columns.
    o : Out(beats)
        Beats to the consumer.
    left : Out(1)
        A beat leaves in this cycle.
    """

    results: data.View
    valid: Signal
    o: stream.Interface
    left: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        lanes = data.ArrayLayout(element(plan.result), plan.fold.P)
        super().__init__(
            {
                "results": In(data.ArrayLayout(lanes, plan.fold.E)),
                "valid": In(1),
                "o": Out(beats(plan.link)),
                "left": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, blocks = self.plan, self.plan.columns.block
        layout = beat(plan.link)
        enter = Signal(layout)

        length = len(plan.schedule.exits)
        index, next_index = cyclic_index(m, length, self.valid, "index")
        block = Signal(range(blocks))
        with m.If(self.valid & (index == length - 1)):
            m.d.sync += block.eq(Mux(block == blocks - 1, 0, block + 1))
        m.d.comb += enter.column.eq(block)
        for e, channel in enumerate(self._channels(m, index, next_index)):
            m.d.comb += [
                enter.maps[e].channel.eq(channel),
                enter.maps[e].pixels.eq(self.results[e]),
            ]

        m.submodules.fifo = fifo = SyncFIFO(width=Shape.cast(layout).width, depth=plan.queue_depth)
        m.d.comb += [
            fifo.w_data.eq(enter),
            fifo.w_en.eq(self.valid),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
            self.left.eq(self.o.valid & self.o.ready),
        ]
        return m

    def _channels(self, m: Module, index: Signal, next_index: Signal) -> list[Value]:
        """Channel of every stream; one that carries nothing has the channel behind the last."""
        streams, channels = self.plan.schedule.streams, self.plan.result.shape[0]
        if self.plan.schedule.in_order:
            return [index]
        layout = data.ArrayLayout(range(channels + 1), len(streams))
        init = [
            layout.const([channels if o < 0 else o for o in outputs])
            for outputs in zip(*streams, strict=True)
        ]
        m.submodules.order = memory = Memory(shape=layout, depth=len(init), init=init)
        read = memory.read_port()
        m.d.comb += read.addr.eq(next_index)
        return [read.data[e] for e in range(len(streams))]
