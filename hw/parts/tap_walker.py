"""Tap walker: fires one surviving tap a cycle in every sequencer, all in lockstep."""

import numpy as np
from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.layer_plan import LayerPlan
from hw.parts.row_manager import place


class TapWalker(wiring.Component):
    """Walker of the schedule memory, linearly, once per block of columns.

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
        Entry of the weight memory that belongs to `address`.
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
    tap: Signal
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
                "tap": Out(range(len(plan.schedule))),
                "blank": Out(copies),
                "last": Out(copies),
                "ends": Out(range(plan.most_ends + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        entries, blocks = len(plan.schedule), plan.columns.block

        m.submodules.memory = memory = self._memory()
        read = memory.read_port()
        entry = Signal.like(read.data)
        index, next_index = Signal(range(entries)), Signal(range(entries))
        primed, fire = Signal(), Signal()
        used = Signal(range(plan.queue_depth + 1))  # places of the queue, taken or promised
        promised = Signal(range(plan.most_ends + 1))
        m.d.comb += [
            entry.eq(read.data),
            fire.eq(primed & self.window_valid & (used <= plan.queue_depth - plan.most_ends)),
            promised.eq(Mux(fire, entry.ends, 0)),
            read.en.eq(fire | ~primed),
            read.addr.eq(next_index),
        ]
        m.d.sync += [primed.eq(1), used.eq(used + promised - self.left)]
        with m.If(read.en):
            m.d.sync += [
                index.eq(next_index),
                next_index.eq(Mux(next_index == entries - 1, 0, next_index + 1)),
            ]

        block, pass_end, row_end = Signal(range(blocks)), Signal(), Signal()
        pitches = [store.words_per_column for store in plan.stores]
        block_offsets = [
            Signal(range(blocks * pitch), name=f"block_offset_{index}")
            for index, pitch in enumerate(pitches)
        ]
        m.d.comb += [
            pass_end.eq(fire & (index == entries - 1)),
            row_end.eq(pass_end & (block == blocks - 1)),
            self.row_end.eq(row_end),
        ]
        with m.If(pass_end):
            m.d.sync += [
                block.eq(Mux(row_end, 0, block + 1)),
                *(
                    offset.eq(Mux(row_end, 0, offset + pitch))
                    for offset, pitch in zip(block_offsets, pitches, strict=True)
                ),
            ]

        blanks = Signal(plan.fold.R, init=-1)
        m.d.comb += self.blank.eq(blanks)
        last, ends, fired = Signal.like(self.last), Signal.like(self.ends), Signal.like(index)
        m.d.sync += [
            fired.eq(index),
            ends.eq(promised),
            self.tap.eq(fired),
            self.ends.eq(ends),
            self.last.eq(last),
        ]
        for r in range(plan.fold.R):
            tap = entry.taps[r]
            row = self.window[tap.row]
            base, offset = (
                Signal.like(self.address[r], name=f"{name}_{r}") for name in ("base", "offset")
            )
            bank = Signal.like(self.bank[r], name=f"bank_{r}")
            blank = Signal(init=1, name=f"blank_{r}")
            stores = [store for store, _ in plan.banks[r]] or [0]
            m.d.sync += [
                base.eq(_of([row.bases[str(s)] for s in stores], tap.bank)),
                offset.eq(tap.offset + _of([block_offsets[s] for s in stores], tap.bank)),
                bank.eq(tap.bank),
                blank.eq(~fire | ~row.inside | tap.idle),
                last[r].eq(fire & tap.last),
                self.address[r].eq(base + offset),
                self.bank[r].eq(bank),
                blanks[r].eq(blank),
            ]
        return m

    def _memory(self) -> Memory:
        """Schedule memory: a tap for each sequencer, and the outputs that the entry completes."""
        plan, walked = self.plan, self.plan.schedule
        tap = data.StructLayout(
            {
                "row": range(plan.extent[0]),
                "offset": range(max(store.row_words for store in plan.stores)),
                "bank": range(plan.most_banks),
                "last": 1,
                "idle": int(walked.idles),
            }
        )
        layout = data.StructLayout(
            {"taps": data.ArrayLayout(tap, plan.fold.R), "ends": range(plan.most_ends + 1)}
        )
        keys = ("row", "offset", "bank", "last", "idle")
        idle = walked.idle.astype(int) if walked.idles else np.zeros_like(walked.row)
        columns = np.stack([walked.row, *plan.places, walked.last.astype(int), idle], axis=-1)
        init = [
            layout.const(
                {"taps": [dict(zip(keys, tap, strict=True)) for tap in taps], "ends": ends}
            )
            for taps, ends in zip(columns.tolist(), walked.ends.tolist(), strict=True)
        ]
        return Memory(shape=layout, depth=len(init), init=init)


def _of(values: list[Value], index: Value) -> Value:
    """Select a value."""
    return values[0] if len(values) == 1 else Array(values)[index]
