"""Tap walker: fires one surviving tap a cycle, and waits only where a list begins."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.parts.row_manager import place
from hw.plan import LayerPlan


class TapWalker(wiring.Component):
    """Walker of the schedule memory, linearly, once per block of columns.

    A list starts when its window is valid and its outputs have places in the output queue. Behind
    that nothing ever waits: taps flow as a pipeline, with bubbles that read zero.

    Members
    -------
    window, window_valid : In
        Places of the active rows.
    row_end : Out(1)
        The last tap of a row is fired in this cycle.
    list_done : In(1)
        The outputs of one list have left the queue.
    address : Out
        Word of the row buffer, two cycles after the tap is fired.
    tap : Out
        Entry of the weight memory that belongs to `address`.
    blank : Out(1)
        Outside the picture, or a bubble: reads as the neutral element.
    last : Out(1)
        The last tap of a list.
    """

    window: data.View
    window_valid: Signal
    row_end: Signal
    list_done: Signal
    address: Signal
    tap: Signal
    blank: Signal
    last: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        super().__init__(
            {
                "window": In(data.ArrayLayout(place(plan), plan.extent[0])),
                "window_valid": In(1),
                "row_end": Out(1),
                "list_done": In(1),
                "address": Out(range(plan.depth)),
                "tap": Out(range(len(plan.schedule.last))),
                "blank": Out(1),
                "last": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, taps = self.plan, self.plan.schedule
        blocks, pitch = plan.columns.block, plan.layer.stride[1] * plan.channels

        layout = data.StructLayout(
            {"row": range(plan.extent[0]), "offset": range(plan.row_words), "last": 1}
        )
        init = [
            layout.const({"row": row, "offset": column * plan.channels + channel, "last": last})
            for row, channel, column, last in zip(
                taps.row.tolist(),
                taps.channel.tolist(),
                taps.column.tolist(),
                taps.last.tolist(),
                strict=True,
            )
        ]
        m.submodules.memory = memory = Memory(shape=layout, depth=len(init), init=init)
        read = memory.read_port()
        tap = Signal(layout)
        index, next_index = Signal(range(len(init))), Signal(range(len(init)))
        primed, list_start, fire = Signal(), Signal(init=1), Signal()
        credits = Signal(range(plan.credits + 1), init=plan.credits)
        m.d.comb += [
            tap.eq(read.data),
            fire.eq(primed & (~list_start | (self.window_valid & (credits != 0)))),
            read.en.eq(fire | ~primed),
            read.addr.eq(next_index),
        ]
        m.d.sync += [
            primed.eq(1),
            credits.eq(credits + self.list_done - (fire & list_start)),
        ]
        with m.If(read.en):
            m.d.sync += [
                index.eq(next_index),
                next_index.eq(Mux(next_index == len(init) - 1, 0, next_index + 1)),
            ]
        with m.If(fire):
            m.d.sync += list_start.eq(tap.last)

        block, block_offset = Signal(range(blocks)), Signal(range(blocks * pitch))
        pass_end, row_end = Signal(), Signal()
        m.d.comb += [
            pass_end.eq(fire & (index == len(init) - 1)),
            row_end.eq(pass_end & (block == blocks - 1)),
            self.row_end.eq(row_end),
        ]
        with m.If(pass_end):
            m.d.sync += [
                block.eq(Mux(row_end, 0, block + 1)),
                block_offset.eq(Mux(row_end, 0, block_offset + pitch)),
            ]

        row = self.window[tap.row]
        base, offset = Signal(range(plan.depth)), Signal(range(plan.row_words))
        blank, last, entry = Signal(init=1), Signal(), Signal.like(index)
        blank_address = Signal(init=1)
        m.d.sync += [
            base.eq(row.base),
            offset.eq(tap.offset + block_offset),
            blank.eq(~fire | ~row.inside),
            last.eq(fire & tap.last),
            entry.eq(index),
            self.address.eq(base + offset),
            blank_address.eq(blank),
            self.last.eq(last),
            self.tap.eq(entry),
        ]
        m.d.comb += self.blank.eq(blank_address)
        return m
