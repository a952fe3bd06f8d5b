"""Output queue: gives results their place in the row, and keeps them until they are taken."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from hw.parts.beats import beat, beats, element
from hw.plan import LayerPlan


class OutputQueue(wiring.Component):
    """Queue of results on their way out; it never overflows, because every list has its credit.

    Members
    -------
    results, valid : In
        Per lane, one output; outputs in the order of the schedule, then the next block of columns.
    o : Out(beats)
        Beats to the consumer.
    list_done : Out(1)
        The last output of a list leaves in this cycle.
    """

    results: data.View
    valid: Signal
    o: stream.Interface
    list_done: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        super().__init__(
            {
                "results": In(data.ArrayLayout(element(plan.result), plan.fold.P)),
                "valid": In(1),
                "o": Out(beats(plan.result, plan.columns)),
                "list_done": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        lists, group = plan.schedule.outputs.shape
        outputs, blocks = plan.result.shape[0], plan.columns.block

        # Slots of the last group behind the last output hold nothing and are dropped.
        slot, block = Signal(range(lists * group)), Signal(range(blocks))
        member = Signal(range(group))
        slot_end, list_end, exists = Signal(), Signal(), Signal()
        m.d.comb += [
            slot_end.eq(slot == lists * group - 1),
            exists.eq(slot < outputs),
            list_end.eq((member == group - 1) | (slot == outputs - 1)),
        ]
        with m.If(self.valid):
            m.d.sync += [
                slot.eq(Mux(slot_end, 0, slot + 1)),
                member.eq(Mux(member == group - 1, 0, member + 1)),
            ]
            with m.If(slot_end):
                m.d.sync += block.eq(Mux(block == blocks - 1, 0, block + 1))

        entry = data.StructLayout({"beat": beat(plan.result, plan.columns), "list_end": 1})
        depth = plan.credits * group
        m.submodules.fifo = fifo = SyncFIFO(width=Shape.cast(entry).width, depth=depth)
        enter, leave = Signal(entry), Signal(entry)
        m.d.comb += [
            enter.beat.channel.eq(slot),
            enter.beat.column.eq(block),
            enter.beat.pixels.eq(self.results),
            enter.list_end.eq(list_end),
            fifo.w_data.eq(enter),
            fifo.w_en.eq(self.valid & exists),
            leave.eq(fifo.r_data),
            self.o.payload.eq(leave.beat),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
            self.list_done.eq(self.o.valid & self.o.ready & leave.list_end),
        ]
        return m
