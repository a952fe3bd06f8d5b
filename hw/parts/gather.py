"""Gather: brings the sums of all sequencers and groups to one drain, one output a cycle."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.layer_plan import LayerPlan
from hw.parts.lanes import sum_shape, sums
from hw.parts.steps import cyclic_index, either


class Gather(wiring.Component):
    """Gatherer of sums, in the order of `Schedule.picks`.

    The schedule knows the order in which sums are complete, so nothing arbitrates: an output leaves
    in every cycle in which one is waiting. With one sequencer its hold register is zero but in that
    very cycle, and an OR gathers. With several, the sum that leaves is copied to a register that is
    else zero; the parts of an output that two neighbours have summed leave together and are added,
    that of the even sequencer to that of the odd one.

    Members
    -------
    holds : In
        Sums of all sequencers.
    ends : In
        Outputs whose sums are held from the next cycle on, the first of each group; the others
        follow.
    sums : Out
        Per lane, the sum of one output.
    valid : Out(1)
        `sums` holds an output.
    """

    holds: data.View
    ends: Signal
    sums: data.View
    valid: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        super().__init__(
            {
                "holds": In(data.ArrayLayout(sums(plan), plan.fold.R)),
                "ends": In(range(plan.most_ends + 1)),
                "sums": Out(data.ArrayLayout(sum_shape(plan), plan.fold.P)),
                "valid": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, walked = self.plan, self.plan.schedule
        waiting, leaves = Signal(range(len(walked.picks) + 1)), Signal()
        m.d.comb += leaves.eq(waiting != 0)
        m.d.sync += waiting.eq(waiting + self.ends - leaves)

        if plan.fold.R == 1:
            leaving = [list(self.holds[0])]
        else:
            leaving, leaves = self._emit(m, leaves)
        if not walked.splits:
            self._either(m, [held for copy in leaving for held in copy], self.sums)
            m.d.sync += self.valid.eq(leaves)
            return m

        even, odd, gathered = Signal.like(self.sums), Signal.like(self.sums), Signal()
        for side, parts in ((even, leaving[::2]), (odd, leaving[1::2])):
            self._either(m, [held for copy in parts for held in copy], side)
        m.d.sync += [gathered.eq(leaves), self.valid.eq(gathered)]
        for p in range(plan.fold.P):
            m.d.sync += self.sums[p].eq(even[p] + odd[p])
        return m

    def _either(self, m: Module, held: list[data.View], result: data.View) -> None:
        """Register, per lane, the one sum that is not zero."""
        for p in range(self.plan.fold.P):
            values = [Value.cast(group[p]).as_unsigned() for group in held]
            m.d.sync += result[p].eq(either(values))

    def _emit(self, m: Module, leaves: Signal) -> tuple[list[list[data.View]], Signal]:
        """Copy the sums that leave to registers that are else zero."""
        plan, picks = self.plan, self.plan.schedule.picks
        layout = data.StructLayout({"sequencers": plan.fold.R, "g": range(plan.fold.G)})
        init = [
            layout.const({"sequencers": sum(1 << r for r in pick.sequencers), "g": pick.g})
            for pick in picks
        ]
        m.submodules.picks = memory = Memory(shape=layout, depth=len(init), init=init)
        read = memory.read_port()
        _, next_index = cyclic_index(m, len(init), leaves, "index")
        m.d.comb += read.addr.eq(next_index)

        emitted = []
        for r in range(plan.fold.R):
            copy = []
            for g in range(plan.fold.G):
                held = Signal(self.holds[r][g].shape(), name=f"leaving_{r}_{g}")
                with m.If(leaves & read.data.sequencers[r] & (read.data.g == g)):
                    m.d.sync += held.eq(self.holds[r][g])
                with m.Else():
                    m.d.sync += held.eq(0)
                copy.append(held)
            emitted.append(copy)
        emitting = Signal()
        m.d.sync += emitting.eq(leaves)
        return emitted, emitting
