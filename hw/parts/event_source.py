"""Event source: says which entries complete sums."""

from itertools import accumulate

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.layer_plan import LayerPlan
from hw.parts.rom import look_up, read, sequence
from hw.passes import with_end
from hw.rom import Rom

_MOST_LOOKED_UP = 64  # words that a few LUTs hold, and say at once


class EventSource(wiring.Component):
    """Counter of the entries between those that complete sums.

    Members
    -------
    next : In(1)
        An entry is used.
    kind : In
        Class of the row to which the entry after this one belongs.
    pass_end : In(1)
        This entry is the last one of a pass.
    last : Out(R)
        Sequencers of which the entry completes a sum.
    ends : Out
        Outputs of which the entry completes the last sum.
    """

    next: Signal
    kind: Signal
    pass_end: Signal
    last: Signal
    ends: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        last, ends = Out(plan.fold.R), Out(range(plan.most_ends + 1))
        kind = In(range(len(plan.passes)))
        super().__init__(
            {"next": In(1), "kind": kind, "pass_end": In(1), "last": last, "ends": ends}
        )

    def elaborate(self, platform):
        m = Module()
        plan, rom = self.plan, self.plan.events
        begin = plan.passes[plan.class_of[0]]
        first = int((begin.places if len(plan.passes) == 1 else with_end(begin))[0])
        completes = sum(int(group >= 0) << r for r, group in enumerate(begin.group[first]))
        longest = max(int(rom.fields["between"].max()), first)

        between = Signal(range(longest + 1), init=first)
        last = Signal(plan.fold.R, init=completes)
        ends = Signal.like(self.ends, init=int(begin.ends[first]))
        event, advance = Signal(), Signal()
        m.d.comb += [event.eq(between == 0), advance.eq(self.next & event)]
        if len(plan.passes) == 1:
            following = sequence(m, "events", rom, advance)
        elif len(rom) <= _MOST_LOOKED_UP:
            following = self._looked_up(m, rom, advance)
        else:
            following = self._of_passes(m, rom, advance)
        with m.If(advance):
            m.d.sync += [
                between.eq(following["between"]),
                last.eq(Cat(following[f"last_{r}"] != 0 for r in range(plan.fold.R))),
                ends.eq(following["ends"]),
            ]
        with m.Elif(self.next):
            m.d.sync += between.eq(between - 1)
        with m.If(event):
            m.d.comb += [self.last.eq(last), self.ends.eq(ends)]
        return m

    def _looked_up(self, m: Module, rom: Rom, advance: Signal) -> dict[str, Value]:
        """Look up the event behind this one: it is behind it, or the first of the next pass."""
        plan = self.plan
        counts = [len(with_end(made)) for made in plan.passes]
        firsts = [last - count for last, count in zip(accumulate(counts), counts, strict=True)]
        place, following = (
            Signal(range(len(rom)), init=firsts[plan.class_of[0]], name=name)
            for name in ("place", "following")
        )
        m.d.comb += following.eq(Mux(self.pass_end, Array(firsts)[self.kind], place + 1))
        with m.If(advance):
            m.d.sync += place.eq(following)
        return look_up(m, "events", rom, following)

    def _of_passes(self, m: Module, rom: Rom, advance: Signal) -> dict[str, Value]:
        """Read the events of one pass after the other, the second event of the picture first."""
        plan, primed, step = self.plan, Signal(), Signal()
        m.d.sync += primed.eq(1)
        m.d.comb += step.eq(advance | ~primed)
        counts = [len(with_end(made)) for made in plan.passes]
        lasts = [last - 1 for last in accumulate(counts)]
        firsts = [last - count + 1 for last, count in zip(lasts, counts, strict=True)]

        rows, blocks, classes = len(plan.class_of), plan.columns.block, Array(plan.class_of)
        alone = counts[plan.class_of[0]] == 1  # the second event is that of the second pass
        after = 1 if alone and blocks == 1 else 0
        start = firsts[plan.class_of[after]] + (not alone)
        ahead = Signal(range(len(rom)), init=start)
        y, block = Signal(range(rows), init=after), Signal(range(blocks), init=alone and blocks > 1)
        next_y, pass_end, row_end = Signal(range(rows)), Signal(), Signal()
        kind, next_kind = (Signal(range(len(plan.passes)), name=name) for name in ("now", "next"))
        m.d.comb += [
            kind.eq(classes[y]),
            pass_end.eq(ahead == Array(lasts)[kind]),
            row_end.eq(block == blocks - 1),
            next_y.eq(Mux(row_end, Mux(y == rows - 1, 0, y + 1), y)),
            next_kind.eq(classes[next_y]),
        ]
        with m.If(step):
            m.d.sync += ahead.eq(Mux(pass_end, Array(firsts)[next_kind], ahead + 1))
            with m.If(pass_end):
                m.d.sync += [y.eq(next_y), block.eq(Mux(row_end, 0, block + 1))]
        return read(m, "events", rom, ahead, step)
