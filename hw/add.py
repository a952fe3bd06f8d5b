"""A residual add in hardware: beats of one branch pass by, rows of the other wait for them."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.parts.beats import beat, beats, element
from hw.parts.row_manager import RowManager
from hw.parts.steps import saturate
from hw.parts.writer import Writer
from hw.plan import AddPlan


class AddEngine(wiring.Component):
    """Engine of a residual add.

    A beat is taken when the row that it belongs to waits and the output queue has room; behind that
    nothing waits. Row order is all that the branches share, so they cannot block each other as long
    as the ring holds what one runs ahead of the other (`hw.skew`).

    Parameters
    ----------
    plan : AddPlan

    Members
    -------
    i : In(beats)
        The branch that passes by.
    i_waiting : In(beats)
        The branch that waits.
    o : Out(beats)
        Results, in the order in which beats pass by.
    """

    i: stream.Interface
    i_waiting: stream.Interface
    o: stream.Interface

    def __init__(self, plan: AddPlan) -> None:
        self.plan = plan
        super().__init__(
            {
                "i": In(beats(plan.formats[0], plan.columns)),
                "i_waiting": In(beats(plan.formats[1], plan.producer)),
                "o": Out(beats(plan.result, plan.columns)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan, store, i = self.plan, self.plan.store, self.i
        m.submodules.writer = writer = Writer(store)
        m.submodules.row_manager = rows = RowManager(store)
        wiring.connect(m, wiring.flipped(self.i_waiting), writer.i)
        row_beats = plan.result.shape[0] * plan.columns.block

        used, left = Signal(range(plan.queue_depth + 1)), Signal()
        fire, count = Signal(), Signal(range(row_beats))
        m.d.comb += [
            i.ready.eq(rows.valid & (used != plan.queue_depth)),
            fire.eq(i.valid & i.ready),
            rows.row_done.eq(writer.row_done),
            writer.release.eq(rows.release),
            rows.row_end.eq(fire & (count == row_beats - 1)),
        ]
        m.d.sync += used.eq(used + fire - left)
        with m.If(fire):
            m.d.sync += count.eq(Mux(rows.row_end, 0, count + 1))

        local, has = self._place(m)
        address, blank = Signal(range(store.depth)), Signal()
        m.d.sync += [
            address.eq(rows.active[0].base + i.payload.column * store.words_per_column + local),
            blank.eq(~has),
        ]
        waiting, waiting_blank = self._read(m, writer, address, blank)

        # The passing beat, delayed to the pixels that waited for it.
        valid, passing = fire, i.payload
        for _ in range(2):
            later, later_valid = Signal.like(i.payload), Signal()
            m.d.sync += [later.eq(passing), later_valid.eq(valid)]
            passing, valid = later, later_valid
        self._add(m, passing, valid, waiting, waiting_blank, left)
        return m

    def _place(self, m: Module) -> tuple[Value, Value]:
        """Place of the waiting channel in a column's words, and whether there is one."""
        (kept,), taken = self.plan.store.copies, self.plan.taken
        local, has = Signal(range(self.plan.store.words_per_column)), Signal()
        if taken == kept:
            return self.i.payload.channel, Const(1)
        with m.Switch(self.i.payload.channel):
            for channel, waiting in enumerate(taken):
                with m.Case(channel):
                    if waiting >= 0:
                        m.d.comb += [local.eq(kept.index(waiting)), has.eq(1)]
        return local, has

    def _read(
        self, m: Module, writer: Writer, address: Signal, blank: Signal
    ) -> tuple[data.View, Signal]:
        """Pixels that have waited, one cycle after their address, and whether there are none."""
        store = self.plan.store
        shape = data.ArrayLayout(element(store.source), store.lanes)
        m.submodules.row_buffer = memory = Memory(shape=shape, depth=store.depth, init=[])
        write, read = memory.write_port(granularity=1), memory.read_port()
        later = Signal()
        m.d.comb += [
            write.addr.eq(writer.address[0]),
            write.data.eq(writer.data),
            write.en.eq(writer.enable[0]),
            read.addr.eq(address),
        ]
        m.d.sync += later.eq(blank)
        return read.data, later

    def _add(self, m: Module, passing, valid, waiting, blank, left: Signal) -> None:
        """Multiply, add and round, saturate, and queue."""
        plan = self.plan
        half, low, high = 1 << (plan.layer.shift - 1), plan.result.low, plan.result.high
        entry = Signal(beat(plan.result, plan.columns))
        places = [passing.channel, passing.column]
        for _ in range(3):  # as many as the stages below
            later_valid, later = Signal(), [Signal.like(place) for place in places]
            m.d.sync += [
                later_valid.eq(valid),
                *(n.eq(p) for n, p in zip(later, places, strict=True)),
            ]
            valid, places = later_valid, later
        for p in range(plan.columns.lanes):
            left_part = passing.pixels[p] * plan.multipliers[0]
            right_part = waiting[p] * plan.multipliers[1]
            products = [
                Signal(v.shape(), name=f"product_{k}_{p}")
                for k, v in enumerate((left_part, right_part))
            ]
            m.d.sync += [products[0].eq(left_part), products[1].eq(Mux(blank, 0, right_part))]
            total = Signal((products[0] + products[1] + half).shape(), name=f"total_{p}")
            m.d.sync += total.eq(products[0] + products[1] + half)
            shifted = Signal((total >> plan.layer.shift).shape(), name=f"shifted_{p}")
            m.d.comb += shifted.eq(total >> plan.layer.shift)
            saturate(m, shifted, low, high, entry.pixels[p])
        m.d.comb += [entry.channel.eq(places[0]), entry.column.eq(places[1])]
        width = Shape.cast(entry.shape()).width
        m.submodules.fifo = fifo = SyncFIFO(width=width, depth=plan.queue_depth)
        m.d.comb += [
            fifo.w_data.eq(entry),
            fifo.w_en.eq(valid),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
            left.eq(self.o.valid & self.o.ready),
        ]
