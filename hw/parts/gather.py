"""Gather: brings the sums of all sequencers and groups to one drain, one output a cycle."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.cells.portable import cells
from hw.layer_plan import LayerPlan
from hw.parts.lanes import sum_shape, sums
from hw.parts.steps import cyclic_index, delayed

_Held = tuple[int, int, data.View]  # sums in all lanes: sequencer, place in the group, register


class Gather(wiring.Component):
    """Gatherer of sums, in the order of `Schedule.exits`.

    The schedule knows the order in which sums are complete, so nothing arbitrates: `E` outputs
    leave in every cycle in which some are waiting. With one sequencer and one stream the hold
    register is zero but in that very cycle, and an OR gathers. Else the sum that leaves is copied
    to a register that is else zero. The parts of an output that two neighbouring sequencers have
    summed leave together, and are added: those of every second sequencer are on the one side, the
    others on the other one, and with every further output of a group they change sides, so that
    both have about as many registers.

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
            leaving = [[(0, g, self.holds[0][g]) for g in range(plan.fold.G)]]
        sides = 1 + walked.splits
        for e, emitted in enumerate(leaving):
            held = [
                [value for r, g, value in emitted if (r + g) % sides == k] for k in range(sides)
            ]
            made_of.gather(m, plan, f"sum_{e}", held, self.sums[e])
        m.d.comb += self.valid.eq(delayed(m, leaves, sides, "gathered"))
        return m

    def _emit(self, m: Module, leaves: Signal) -> tuple[list[list[_Held]], Signal]:
        """Copy the sums that leave to registers that are else zero.

        For each stream there is a register for every sum that ever leaves by it, which is listed
        with its sequencer and its place in the group.
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
                copy.append((r, g, held))
            emitted.append(copy)
        emitting = Signal()
        m.d.sync += emitting.eq(leaves)
        return emitted, emitting
