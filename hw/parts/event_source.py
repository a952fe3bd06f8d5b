"""Event source: says which entries complete sums."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.coding import event_places
from hw.layer_plan import LayerPlan
from hw.parts.rom import sequence


class EventSource(wiring.Component):
    """Counter of the entries between those that complete sums.

    Members
    -------
    next : In(1)
        An entry is used.
    last : Out(R)
        Sequencers of which the entry completes a sum.
    ends : Out
        Outputs of which the entry completes the last sum.
    """

    next: Signal
    last: Signal
    ends: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        last, ends = Out(plan.fold.R), Out(range(plan.most_ends + 1))
        super().__init__({"next": In(1), "last": last, "ends": ends})

    def elaborate(self, platform):
        m = Module()
        walked, rom = self.plan.schedule, self.plan.events
        first = int(event_places(walked)[0])
        completes = sum(int(last) << r for r, last in enumerate(walked.last[first]))
        longest = max(int(rom.fields["between"].max()), first)

        between = Signal(range(longest + 1), init=first)
        last = Signal(walked.sequencers, init=completes)
        ends = Signal.like(self.ends, init=int(walked.ends[first]))
        event, advance = Signal(), Signal()
        m.d.comb += [event.eq(between == 0), advance.eq(self.next & event)]
        following = sequence(m, "events", rom, advance)
        with m.If(advance):
            m.d.sync += [
                between.eq(following["between"]),
                last.eq(Cat(following[f"last_{r}"] != 0 for r in range(walked.sequencers))),
                ends.eq(following["ends"]),
            ]
        with m.Elif(self.next):
            m.d.sync += between.eq(between - 1)
        with m.If(event):
            m.d.comb += [self.last.eq(last), self.ends.eq(ends)]
        return m
