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
    bank : Out
        And which of its banks (`LayerPlan.banks`) has the pixels.
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
    bank: data.View
    tap: data.View
    blank: Signal
    last: Signal
    ends: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        copies = plan.fold.R
        depth = max(store.depth for store in plan.stores)
        super().__init__(
            {
                "window": In(data.ArrayLayout(place(plan.stores), plan.extent[0])),
                "window_valid": In(1),
                "row_end": Out(1),
                "left": In(1),
                "address": Out(data.ArrayLayout(range(depth), copies)),
                "bank": Out(data.ArrayLayout(range(plan.most_banks), copies)),
                "tap": Out(data.ArrayLayout(range(len(plan.schedule)), copies)),
                "blank": Out(copies),
                "last": Out(copies),
                "ends": Out(range(plan.most_ends + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        blocks = plan.columns.block

        m.submodules.events = event = EventSource(plan)
        longest = max(map(len, plan.passes))
        index, fire = Signal(range(longest)), Signal()
        block, last_block = Signal(range(blocks)), Signal(init=blocks == 1)
        # The last entry of a pass: which it is, and whether it is the next one, or this one.
        final, near, at_end = Signal.like(index), Signal(), Signal(init=longest == 1)
        sources = [tap_source(plan, program) for program in plan.coding.programs]
        for number, source in enumerate(sources):
            m.submodules[f"taps_{number}"] = source
            m.d.comb += source.next.eq(fire)
        taps = [sources[program].taps[place] for program, place in plan.coding.sources]
        # Places of the queue, neither taken nor promised, beyond those that one entry may need.
        spare = plan.queue_depth - plan.most_ends
        room = Signal(signed(max(spare, plan.most_ends).bit_length() + 1), init=spare)
        promised = Signal(range(plan.most_ends + 1))
        m.d.comb += [
            event.next.eq(fire),
            fire.eq(sources[0].valid & self.window_valid & ~room[-1]),
            promised.eq(Mux(fire, event.ends, 0)),
        ]
        m.d.sync += room.eq(room - promised + self.left)

        pass_end, row_end = Signal(), Signal()
        pitches = [store.words_per_column for store in plan.stores]
        block_offsets = [
            Signal(range(blocks * pitch), name=f"block_offset_{index}")
            for index, pitch in enumerate(pitches)
        ]
        m.d.comb += [
            pass_end.eq(fire & at_end),
            row_end.eq(pass_end & last_block),
            self.row_end.eq(row_end),
        ]
        with m.If(fire):
            m.d.sync += [
                index.eq(Mux(at_end, 0, index + 1)),
                at_end.eq(near | (longest == 1)),
            ]
        with m.If(pass_end):
            m.d.sync += [
                block.eq(Mux(last_block, 0, block + 1)),
                last_block.eq((block == blocks - 2) | (blocks == 1)),
                *(
                    offset.eq(Mux(last_block, 0, offset + pitch))
                    for offset, pitch in zip(block_offsets, pitches, strict=True)
                ),
            ]

        if plan.skipping is None:
            m.d.comb += [final.eq(longest - 1), near.eq(index == final - 1)]
        else:
            ahead = self._choose(m, sources, index, final, near, fire, last_block, row_end)
            m.d.comb += [event.kind.eq(ahead), event.pass_end.eq(at_end)]

        blanks = Signal(plan.fold.R, init=-1)
        m.d.comb += self.blank.eq(blanks)
        last, ends = Signal.like(self.last), Signal.like(self.ends)
        m.d.sync += [ends.eq(promised), self.ends.eq(ends), self.last.eq(last)]
        for r in range(plan.fold.R):
            tap = taps[r]
            row = self.window[tap.row]
            base = Signal.like(self.address[r], name=f"base_{r}")
            offset = Signal(plan.word_bits, name=f"offset_{r}")
            bank = Signal.like(self.bank[r], name=f"bank_{r}")
            blank = Signal(init=1, name=f"blank_{r}")
            fired = Signal(range(len(plan.schedule)), name=f"fired_{r}")
            stores = [store for store, _ in plan.banks[r]] or [0]
            word, which = tap.offset[: plan.word_bits], tap.offset[plan.word_bits :]
            m.d.sync += [
                fired.eq(tap.weight if plan.skipping else index),
                self.tap[r].eq(fired),
                base.eq(_of([row.bases[str(s)] for s in stores], which)),
                offset.eq(word + _of([block_offsets[s] for s in stores], which)),
                bank.eq(which),
                blank.eq(~fire | ~row.inside | tap.blank),
                last[r].eq(fire & event.last[r]),
                self.address[r].eq(base + offset),
                self.bank[r].eq(bank),
                blanks[r].eq(blank),
            ]
        return m

    def _choose(
        self,
        m: Module,
        sources: list,
        index: Signal,
        final: Signal,
        near: Signal,
        fire: Signal,
        last_block: Signal,
        row_end: Signal,
    ) -> Signal:
        """Choose what is walked by the class of the row, and return that of the next entry.

        Sources of taps are one entry ahead. All that is chosen by is in registers, as a pass is
        longer than it takes to know it.
        """
        plan = self.plan
        rows, classes, first = len(plan.class_of), Array(plan.class_of), plan.class_of[0]
        y, kinds = Signal(range(rows), init=1 % rows), range(len(plan.passes))  # of the next row
        kind, ahead, following = (
            Signal(kinds, name=name, init=first) for name in ("kind", "ahead", "following")
        )
        m.d.comb += final.eq(Array([len(made) - 1 for made in plan.passes])[kind])
        m.d.sync += following.eq(classes[y])
        with m.If(fire):
            m.d.sync += near.eq(index == final - 2)
            with m.If(near & last_block):
                m.d.sync += ahead.eq(following)
        with m.If(row_end):
            m.d.sync += [kind.eq(following), y.eq(Mux(y == rows - 1, 0, y + 1))]
        for source in sources:
            m.d.comb += [source.kind.eq(ahead), source.last.eq(near)]
        return ahead


def _of(values: list[Value], index: Value) -> Value:
    """Select a value."""
    return values[0] if len(values) == 1 else Array(values)[index]
