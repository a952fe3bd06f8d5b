"""Output queue: gives results their place in the row, and keeps them until they are taken."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.layer_plan import LayerPlan
from hw.parts.beats import beats, element
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
        m.d.comb += [
            self.o.valid.eq(self._queue(m)),
            self.left.eq(self.o.valid & self.o.ready),
        ]

        # Results leave in their order: that need not be queued.
        length = len(plan.schedule.exits)
        index, next_index = cyclic_index(m, length, self.left, "index")
        block = Signal(range(blocks))
        with m.If(self.left & (index == length - 1)):
            m.d.sync += block.eq(Mux(block == blocks - 1, 0, block + 1))
        m.d.comb += self.o.payload.column.eq(block)
        for e, channel in enumerate(self._channels(m, index, next_index)):
            m.d.comb += self.o.payload.maps[e].channel.eq(channel)
        return m

    def _queue(self, m: Module) -> Value:
        """Queue pixels; return whether there are any."""
        depth = self.plan.queue_depth
        m.submodules.queue = memory = Memory(shape=self.results.shape(), depth=depth, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        places = []
        for name, moves in (("enter", self.valid), ("leave", self.left)):
            place, _ = cyclic_index(m, depth, moves, name)
            turn = Signal(name=f"{name}_turn")
            m.d.sync += turn.eq(turn ^ (moves & (place == depth - 1)))
            places.append(Cat(place, turn))
        enter, leave = places
        m.d.comb += [
            write.addr.eq(enter[:-1]),
            write.data.eq(self.results),
            write.en.eq(self.valid),
            read.addr.eq(leave[:-1]),
            *(one.pixels.eq(read.data[e]) for e, one in enumerate(self.o.payload.maps)),
        ]
        return enter != leave

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
