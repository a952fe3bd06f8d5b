"""Tap walker: fires one surviving tap a cycle in every sequencer, all in lockstep."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.layer_plan import LayerPlan
from hw.parts.event_source import EventSource
from hw.parts.row_manager import place
from hw.parts.tap_source import tap_source


class TapWalker(wiring.Component):
    """Walker of the schedule, once per block of columns.

    A tap is fired when its window is valid and the output queue has room for whatever one entry can
    complete. Behind that nothing ever waits: taps flow as a pipeline, with bubbles that read the
    neutral element.

    Members
    -------
    window, window_valid : In
        Places of the active rows.
    row_end : Out(1)
        The last tap of a row is fired in this cycle.
    left : In(1)
        An output has left the queue.
    address : Out
        For each sequencer, a word of its row buffer, two cycles after the tap is fired.
    tap : Out
        For each sequencer, the entry of its weight memory that belongs to `address`.
    blank : Out(R)
        Outside the picture, idle, or a bubble: reads as the neutral element.
    last : Out(R)
        The tap completes a sum of the sequencer.
    ends : Out
        Outputs that the entry completes.
    """

    window: data.View
    window_valid: Signal
    row_end: Signal
    left: Signal
    address: data.View
    tap: data.View
    blank: Signal
    last: Signal
    ends: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        copies = plan.fold.R
        super().__init__(
            {
                "window": In(data.ArrayLayout(place(plan.store), plan.extent[0])),
                "window_valid": In(1),
                "row_end": Out(1),
                "left": In(1),
                "address": Out(data.ArrayLayout(range(plan.store.depth), copies)),
                "tap": Out(data.ArrayLayout(range(len(plan.schedule)), copies)),
                "blank": Out(copies),
                "last": Out(copies),
                "ends": Out(range(plan.most_ends + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        blocks, pitch = plan.columns.block, plan.store.words_per_column

        m.submodules.events = event = EventSource(plan)
        index, fire = Signal(range(max(map(len, plan.passes)))), Signal()
        block, final = Signal(range(blocks)), Signal.like(index)  # index of a pass's last entry
        sources = [tap_source(plan, program) for program in plan.coding.programs]
        for number, source in enumerate(sources):
            m.submodules[f"taps_{number}"] = source
            m.d.comb += source.next.eq(fire)
        taps = [sources[program].taps[place] for program, place in plan.coding.sources]
        used = Signal(range(plan.queue_depth + 1))  # places of the queue, taken or promised
        promised = Signal(range(plan.most_ends + 1))
        m.d.comb += [
            event.next.eq(fire),
            fire.eq(
                sources[0].valid & self.window_valid & (used <= plan.queue_depth - plan.most_ends)
            ),
            promised.eq(Mux(fire, event.ends, 0)),
        ]
        m.d.sync += used.eq(used + promised - self.left)

        block_offset = Signal(range(blocks * pitch))
        pass_end, row_end = Signal(), Signal()
        with m.If(fire):
            m.d.sync += index.eq(Mux(pass_end, 0, index + 1))
        m.d.comb += [
            pass_end.eq(fire & (index == final)),
            row_end.eq(pass_end & (block == blocks - 1)),
            self.row_end.eq(row_end),
        ]
        with m.If(pass_end):
            m.d.sync += [
                block.eq(Mux(row_end, 0, block + 1)),
                block_offset.eq(Mux(row_end, 0, block_offset + pitch)),
            ]

        if plan.skipping is None:
            m.d.comb += final.eq(len(plan.schedule) - 1)
        else:
            self._choose(m, sources, index, final, block == blocks - 1, row_end)

        blanks = Signal(plan.fold.R, init=-1)
        m.d.comb += self.blank.eq(blanks)
        last, ends = Signal.like(self.last), Signal.like(self.ends)
        m.d.sync += [ends.eq(promised), self.ends.eq(ends), self.last.eq(last)]
        for r in range(plan.fold.R):
            tap = taps[r]
            row = self.window[tap.row]
            base = Signal(range(plan.store.depth), name=f"base_{r}")
            offset = Signal(range(plan.store.row_words), name=f"offset_{r}")
            blank = Signal(init=1, name=f"blank_{r}")
            fired = Signal(range(len(plan.schedule)), name=f"fired_{r}")
            m.d.sync += [
                fired.eq(tap.weight if plan.skipping else index),
                self.tap[r].eq(fired),
                base.eq(row.base),
                offset.eq(tap.offset + block_offset),
                blank.eq(~fire | ~row.inside | tap.blank),
                last[r].eq(fire & event.last[r]),
                self.address[r].eq(base + offset),
                blanks[r].eq(blank),
            ]
        return m

    def _choose(
        self,
        m: Module,
        sources: list,
        index: Signal,
        final: Signal,
        last_block: Value,
        row_end: Signal,
    ) -> None:
        """Choose what is walked by the class of the row; sources of taps are one entry ahead."""
        plan = self.plan
        rows, classes = len(plan.class_of), Array(plan.class_of)
        y, next_y = Signal(range(rows)), Signal(range(rows))
        kind, kind_ahead = (Signal(range(len(plan.passes)), name=n) for n in ("kind", "kind_ahead"))
        leaving = sources[0].valid & (index == final) & last_block
        m.d.comb += [
            next_y.eq(Mux(y == rows - 1, 0, y + 1)),
            kind.eq(classes[y]),
            kind_ahead.eq(Mux(leaving, classes[next_y], kind)),
            final.eq(Array([len(made) - 1 for made in plan.passes])[kind]),
        ]
        with m.If(row_end):
            m.d.sync += y.eq(next_y)
        for source in sources:
            m.d.comb += [source.kind.eq(kind_ahead), source.last.eq(index == final - 1)]
