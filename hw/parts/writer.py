"""Writer: puts the beats of a producer where the row buffer's segments want them."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.parts.beats import beats, element
from hw.plan import LayerPlan


class Writer(wiring.Component):
    """Writer of beats into the row buffer.

    A beat takes one cycle per word that holds one of its pixels (`LayerPlan.writes`): its own word,
    and the halos of the neighbouring lanes. A row is taken only if the ring has a free slot for it.
    A word reaches the write port one cycle after its step.

    Parameters
    ----------
    plan : LayerPlan

    Members
    -------
    i : In(beats)
        Beats of the producer.
    address, data, enable : Out
        Write port of the row buffer; one enable per lane.
    row_done : Out(1)
        The last word of a row is being written in this cycle.
    release : In
        Slots that become free in this cycle.
    """

    i: stream.Interface
    address: Signal
    data: data.View
    enable: Signal
    row_done: Signal
    release: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        pixel = element(plan.source)
        super().__init__(
            {
                "i": In(beats(plan.source, plan.producer)),
                "address": Out(range(plan.depth)),
                "data": Out(data.ArrayLayout(pixel, plan.fold.P)),
                "enable": Out(plan.fold.P),
                "row_done": Out(1),
                "release": In(range(plan.rows.ring + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, i = self.plan, self.i
        ring, row_beats = plan.rows.ring, plan.channels * plan.producer.block
        steps = max(len(writes) for writes in plan.writes)

        busy, final = Signal(), Signal()  # a beat is held; it is the last of its row
        held = Signal.like(i.payload)
        held_address = Signal(range(plan.depth))
        step, last_step = Signal(range(steps)), Signal()
        base, count = Signal(range(plan.depth)), Signal(range(row_beats))
        free = Signal(range(ring + 1), init=ring)
        accept, row_start, row_end = Signal(), Signal(), Signal()

        m.d.comb += [
            row_start.eq(count == 0),
            row_end.eq(count == row_beats - 1),
            i.ready.eq((~busy | last_step) & (~row_start | (free != 0))),
            accept.eq(i.valid & i.ready),
        ]
        m.d.sync += free.eq(free + self.release - (accept & row_start))
        with m.If(accept):
            m.d.sync += [
                held.eq(i.payload),
                held_address.eq(base + i.payload.channel),
                final.eq(row_end),
                count.eq(Mux(row_end, 0, count + 1)),
            ]
            with m.If(row_end):
                wrap = base == (ring - 1) * plan.row_words
                m.d.sync += base.eq(Mux(wrap, 0, base + plan.row_words))
        with m.If(accept | last_step):
            m.d.sync += busy.eq(accept)
        with m.If(busy):
            m.d.sync += step.eq(Mux(last_step, 0, step + 1))

        word = Signal(range(plan.segments.words))
        enable, pixels = Signal.like(self.enable), Signal.like(self.data)
        with m.Switch(held.column):
            for column, writes in enumerate(plan.writes):
                with m.Case(column):
                    m.d.comb += last_step.eq(busy & (step == len(writes) - 1))
                    with m.Switch(step):
                        for index, write in enumerate(writes):
                            with m.Case(index):
                                m.d.comb += word.eq(write.word)
                                for lane, source in write.sources:
                                    m.d.comb += [
                                        enable[lane].eq(1),
                                        pixels[lane].eq(held.pixels[source]),
                                    ]
        m.d.sync += [
            self.address.eq(held_address + word * plan.channels),
            self.data.eq(pixels),
            self.enable.eq(Mux(busy, enable, 0)),
            self.row_done.eq(final & last_step),
        ]
        return m
