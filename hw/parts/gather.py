"""Gather: brings the sums of all sequencers and groups to one drain, one output a cycle."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.cells.portable import Portable, cells
from hw.layer_plan import LayerPlan
from hw.parts.lanes import sum_shape, sums
from hw.parts.steps import cyclic_index, either


class Gather(wiring.Component):
    """Gatherer of sums, in the order of `Schedule.exits`.

    The schedule knows the order in which sums are complete, so nothing arbitrates: `E` outputs
    leave in every cycle in which some are waiting. With one sequencer and one stream the hold
    register is zero but in that very cycle, and an OR gathers. Else the sum that leaves is copied
    to a register that is else zero; the parts of an output that two sequencers have summed leave
    together and are added, that of the even sequencer to that of the odd one.

    Members
    -------
    holds : In
        Sums of all sequencers.
    ends : In
        Exits whose first sums are held from the next cycle on; the others of a group follow.
    sums : Out
        For each stream, per lane, the sum of one output.
    valid : Out(1)
        `sums` holds outputs.
    """

    holds: data.View
    ends: Signal
    sums: data.View
    valid: Signal

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        lanes = data.ArrayLayout(sum_shape(plan), plan.fold.P)
        super().__init__(
            {
                "holds": In(data.ArrayLayout(sums(plan), plan.fold.R)),
                "ends": In(range(plan.most_ends + 1)),
                "sums": Out(data.ArrayLayout(lanes, plan.fold.E)),
                "valid": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, walked, made_of = self.plan, self.plan.schedule, cells(platform)
        waiting, leaves = Signal(range(len(walked.exits) + 1)), Signal()
        m.d.comb += leaves.eq(waiting != 0)
        m.d.sync += waiting.eq(waiting + self.ends - leaves)

        if plan.holds:
            leaving, leaves = self._emit(m, leaves)
        else:
            leaving = [[(0, self.holds[0][g]) for g in range(plan.fold.G)]]
        if not walked.splits:
            for e, held in enumerate(leaving):
                self._either(m, made_of, [value for _, value in held], self.sums[e])
            m.d.sync += self.valid.eq(leaves)
            return m

        gathered = Signal()
        m.d.sync += [gathered.eq(leaves), self.valid.eq(gathered)]
        for e, held in enumerate(leaving):
            layout = data.ArrayLayout(sum_shape(plan), plan.fold.P)
            even, odd = (Signal(layout, name=f"{side}_{e}") for side in ("even", "odd"))
            for parity, side in enumerate((even, odd)):
                values = [value for r, value in held if r % 2 == parity]
                self._either(m, made_of, values, side)
            for p in range(plan.fold.P):
                m.d.sync += self.sums[e][p].eq(even[p] + odd[p])
        return m

    def _either(
        self, m: Module, made_of: Portable, held: list[data.View], result: data.View
    ) -> None:
        """Register, per lane, the one sum that is not zero."""
        shape, found = sum_shape(self.plan), []
        for p in range(self.plan.fold.P):
            values = [Value.cast(group[p]).as_unsigned() for group in held]
            found.append(Signal(shape))
            m.d.comb += found[p].eq(either(values or [Const(0)]))
        for p, value in enumerate(made_of.told_apart(self.plan, found)):
            m.d.sync += result[p].eq(value)

    def _emit(self, m: Module, leaves: Signal) -> tuple[list[list[tuple[int, data.View]]], Signal]:
        """Copy the sums that leave to registers that are else zero.

        For each stream there is a register for every sum that ever leaves by it, which is listed
        with its sequencer.
        """
        plan, exits = self.plan, self.plan.schedule.exits
        pick = data.StructLayout({"sequencers": plan.fold.R, "g": range(plan.fold.G)})
        layout = data.ArrayLayout(pick, plan.fold.E)
        init = [
            layout.const(
                [
                    {"sequencers": sum(1 << r for r in pick.sequencers), "g": pick.g}
                    if pick
                    else {"sequencers": 0, "g": 0}
                    for pick in leaving
                ]
            )
            for leaving in exits
        ]
        m.submodules.picks = memory = Memory(shape=layout, depth=len(init), init=init)
        read = memory.read_port()
        _, next_index = cyclic_index(m, len(init), leaves, "index")
        m.d.comb += read.addr.eq(next_index)

        emitted = []
        for e, picks in enumerate(zip(*exits, strict=True)):
            copy = []
            for r, g in sorted({(r, pick.g) for pick in picks if pick for r in pick.sequencers}):
                held = Signal(self.holds[r][g].shape(), name=f"leaving_{e}_{r}_{g}")
                with m.If(leaves & read.data[e].sequencers[r] & (read.data[e].g == g)):
                    m.d.sync += held.eq(self.holds[r][g])
                with m.Else():
                    m.d.sync += held.eq(0)
                copy.append((r, held))
            emitted.append(copy)
        emitting = Signal()
        m.d.sync += emitting.eq(leaves)
        return emitted, emitting
