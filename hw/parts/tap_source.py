"""Sources of taps: for some sequencers, the next tap whenever it is asked for."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.coding import OffsetProgram, Program
from hw.kernel_coding import KernelProgram
from hw.layer_plan import LayerPlan
from hw.parts.rom import look_up, sequence
from hw.skipping_program import VIEWED, SkippingProgram


def tap_layout(plan: LayerPlan) -> data.StructLayout:
    """Lay out a tap.

    Row of the window, word in the row and bank, whether there is none, and its place in the weight
    memory where that is not the number of the entry.
    """
    return data.StructLayout(
        {
            "row": range(plan.extent[0]),
            "offset": plan.word_bits + (plan.most_banks - 1).bit_length(),
            "blank": 1,
            "weight": range(len(plan.schedule) if plan.skipping else 1),
        }
    )


def tap_source(plan: LayerPlan, program: Program) -> "OffsetSource | KernelSource":
    """Source of the taps of a program."""
    if isinstance(program, OffsetProgram):
        return OffsetSource(plan, program)
    return KernelSource(plan, program)


class OffsetSource(wiring.Component):
    """Source of taps that are stored one by one.

    Members
    -------
    next : In(1)
        The taps have been used. From the next cycle on there are the next ones.
    taps : Out
        A tap for every sequencer.
    valid : Out(1)
        There are taps: always, some cycles after a reset.
    """

    next: Signal
    taps: data.View
    valid: Signal

    def __init__(self, plan: LayerPlan, program: OffsetProgram) -> None:
        self.program = program
        taps = data.ArrayLayout(tap_layout(plan), program.sequencers)
        super().__init__({"next": In(1), "taps": Out(taps), "valid": Out(1)})

    def elaborate(self, platform):
        m = Module()
        fields = sequence(m, "entries", self.program.taps, self.next)
        m.d.sync += self.valid.eq(1)
        for r in range(self.program.sequencers):
            for name in ("row", "offset", "blank"):
                m.d.comb += self.taps[r][name].eq(fields[f"{name}_{r}"])
        return m


class KernelSource(wiring.Component):
    """Source of taps that are walks over kernels, channel after channel.

    The next segment is always there when the one before ends, and the next word of a pattern is
    chosen by the one before, so that successive taps may be of any segments.

    Members
    -------
    next, taps, valid
        As of `OffsetSource`, for one sequencer.
    kind : In
        Class of the row to which the tap belongs that comes after `taps`.
    last : In(1)
        That tap is the last one of a pass.
    """

    next: Signal
    taps: data.View
    valid: Signal
    kind: Signal
    last: Signal

    def __init__(self, plan: LayerPlan, program: KernelProgram | SkippingProgram) -> None:
        self.program, self.classes = program, len(plan.passes)
        taps = data.ArrayLayout(tap_layout(plan), 1)
        kind = In(range(self.classes))
        super().__init__(
            {"next": In(1), "taps": Out(taps), "valid": Out(1), "kind": kind, "last": In(1)}
        )

    def elaborate(self, platform):
        m = Module()
        program = self.program
        most = {name: int(values.max()) for name, values in program.segments.fields.items()}

        # After a reset the first segment is there, then its first walk begins, then there is a tap.
        started, walking = Signal(), Signal()
        m.d.sync += [started.eq(1), walking.eq(started), self.valid.eq(walking)]
        step, kernel_end, segment_end = Signal(), Signal(), Signal()
        segment = sequence(m, "segments", program.segments, segment_end)
        start, more = Signal(range(most["start"] + 1)), Signal(range(most["more"] + 1))
        local, at = Signal(range(program.channels)), Signal(range(len(program.patterns)))
        word, waits, waiting = self._word(m, at), Signal(), Signal()
        m.d.comb += [
            step.eq(started & (self.next | ~self.valid)),
            kernel_end.eq((word["end"] | waiting | ~walking) & ~waits),
            segment_end.eq(step & kernel_end & (more == 0)),
        ]
        if most.get("final"):  # behind its last tap it waits for the others
            final = Signal()
            walked = word["end"] & final & (more == 0)
            m.d.comb += waits.eq(walking & (waiting | walked) & ~self.last)
            with m.If(step):
                m.d.sync += waiting.eq(waits)
            with m.If(segment_end):
                m.d.sync += final.eq(segment["final"])
        with m.If(step):
            with m.If(kernel_end):
                m.d.sync += [
                    at.eq(Mux(more == 0, segment["start"], start)),
                    local.eq(Mux(more == 0, segment["local"], local + program.pitch)),
                    more.eq(Mux(more == 0, segment["more"], more - 1)),
                ]
            with m.Elif(~waits):
                m.d.sync += at.eq(at + word["step"])
            with m.If(segment_end):
                m.d.sync += start.eq(segment["start"])

            tap = self.taps[0]
            m.d.sync += [
                tap.row.eq(word["row"]),
                tap.offset.eq(word["word"] | local if program.disjoint else word["word"] + local),
                tap.blank.eq(word["blank"] | waiting),
            ]
            if self.classes > 1:
                weight = Signal.like(tap.weight)
                m.d.sync += tap.weight.eq(weight + word["skip"])
                with m.If(walking & self.last):
                    m.d.sync += weight.eq(0)
                with m.Elif(walking & ~waits):
                    m.d.sync += weight.eq(weight + word["step"])
        return m

    def _word(self, m: Module, at: Signal) -> dict[str, Value]:
        """Look up the patterns, as the class of the row sees them."""
        words = look_up(m, "patterns", self.program.patterns, at)
        if self.classes == 1:
            return words | {"step": Const(1)}
        chosen = {}
        for name in VIEWED:
            views = [words[f"{name}_{index}"] for index in range(self.classes)]
            chosen[name] = Signal(max(map(len, views)), name=name)
            m.d.comb += chosen[name].eq(Array(views)[self.kind])
        return chosen
