"""A residual add in hardware: beats of one branch pass by, rows of the other wait for them."""

from amaranth import *
from amaranth.hdl import ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.contents import contents
from hw.parts.beats import beat, beats, element
from hw.parts.load import Load, LoadInterface
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
    i_0 : In(beats)
        The branch that passes by.
    i_1 : In(beats)
        The branch that waits.
    o : Out(beats)
        Results, in the order in which beats pass by.
    load : In(Load)
        Where the plan has room for it, writes to the multipliers.
    """

    i_0: stream.Interface
    i_1: stream.Interface
    o: stream.Interface
    load: LoadInterface

    def __init__(self, plan: AddPlan) -> None:
        self.plan, self.contents = plan, contents(plan)
        super().__init__(
            {
                "i_0": In(beats(plan.links[0])),
                "i_1": In(beats(plan.links[1])),
                "o": Out(beats(plan.link)),
                **({"load": In(Load(self.contents))} if self.contents else {}),
            }
        )

    @property
    def inlets(self) -> list[stream.Interface]:
        """The streams that come in: what passes by, and what waits."""
        return [self.i_0, self.i_1]

    def elaborate(self, platform):
        m = Module()
        plan, store, i = self.plan, self.plan.store, self.i_0
        m.submodules.writer = writer = Writer(store)
        m.submodules.row_manager = rows = RowManager((store,))
        wiring.connect(m, wiring.flipped(self.i_1), writer.i)
        row_beats = plan.link.row_beats

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

        waiting = [
            self._waiting(m, e, writer, Value.cast(rows.active[0].bases["0"]))
            for e in range(len(plan.link.streams))
        ]
        # The passing beat, delayed to the pixels that waited for it.
        valid, passing = fire, i.payload
        for _ in range(2):
            later, later_valid = Signal.like(i.payload), Signal()
            m.d.sync += [later.eq(passing), later_valid.eq(valid)]
            passing, valid = later, later_valid
        entry = Signal(beat(plan.link))
        multipliers = self._multipliers(m)
        for e, pixels in enumerate(waiting):
            for p in range(plan.columns.lanes):
                pair = passing.maps[e].pixels[p], pixels[p]
                self._add(m, pair, multipliers, entry.maps[e].pixels[p])
        self._queue(m, passing, valid, entry, left)
        return m

    def _waiting(self, m: Module, e: int, writer: Writer, base: Value) -> list[Value]:
        """Pixels that have waited for what a stream brings, two cycles later; 0 where none have."""
        store, taken = self.plan.store, self.plan.taken
        banks = [(port, bank) for port, bank in enumerate(store.banks) if bank.copy == e]
        shape = data.ArrayLayout(element(store.link.activation), store.lanes)
        if not banks:
            return [Const(0)] * store.lanes
        local, which, has = (
            Signal(range(size), name=f"{name}_{e}")
            for name, size in (("local", store.words_per_column), ("bank", len(banks)), ("has", 2))
        )
        with m.Switch(self.i_0.payload.maps[e].channel):
            for channel, channel_taken in enumerate(taken):
                for number, (_, bank) in enumerate(banks):
                    if channel_taken in bank.channels:
                        with m.Case(channel):
                            place = bank.channels.index(channel_taken)
                            m.d.comb += [local.eq(place), which.eq(number), has.eq(1)]
        address = Signal(range(store.depth), name=f"address_{e}")
        # Products of a table take no multiplier cell.
        columns = Array(c * store.words_per_column for c in range(self.plan.columns.block))
        m.d.sync += address.eq(base + columns[self.i_0.payload.column] + local)
        for _ in range(2):
            later_which, later_has = Signal.like(which), Signal.like(has)
            m.d.sync += [later_which.eq(which), later_has.eq(has)]
            which, has = later_which, later_has
        words = []
        for number, (port, bank) in enumerate(banks):
            memory = Memory(shape=shape, depth=store.depth, init=[])
            m.submodules[f"row_buffer_{e}_{number}"] = memory
            write, read = memory.write_port(granularity=1), memory.read_port()
            m.d.comb += [
                write.addr.eq(writer.address[port]),
                write.data.eq(writer.data[bank.stream]),
                write.en.eq(writer.enable[port]),
                read.addr.eq(address),
            ]
            words.append(read.data)
        return [
            Mux(has, words[0][p] if len(words) == 1 else Array(w[p] for w in words)[which], 0)
            for p in range(store.lanes)
        ]

    def _multipliers(self, m: Module) -> tuple[ValueLike, ValueLike]:
        """Multipliers of what passes by and of what waits: constants, or registers."""
        bits, _, (passing, waiting) = self.plan.scaling
        if not self.contents:
            return passing, waiting
        (memory,) = self.contents
        both = Signal(memory.bits, init=memory.words[0], name="multipliers", reset_less=True)
        _, word, enable = self.load.port(0, memory)
        with m.If(enable):
            m.d.sync += both.eq(word)
        return both[:bits], both[bits:]

    def _add(
        self,
        m: Module,
        pair: tuple[Value, Value],
        multipliers: tuple[ValueLike, ValueLike],
        result: Value,
    ) -> None:
        """Multiply, add and round, saturate."""
        _, shift, _ = self.plan.scaling
        half = 1 << (shift - 1)
        parts = [value * by for value, by in zip(pair, multipliers, strict=True)]
        products = [Signal(part.shape(), name="product") for part in parts]
        total = Signal((products[0] + products[1] + half).shape())
        m.d.sync += [
            *(product.eq(part) for product, part in zip(products, parts, strict=True)),
            total.eq(products[0] + products[1] + half),
        ]
        shifted = Signal((total >> shift).shape())
        m.d.comb += shifted.eq(total >> shift)
        saturate(m, shifted, result)

    def _queue(
        self, m: Module, passing: data.View, valid: Signal, entry: data.View, left: Signal
    ) -> None:
        """Queue results, with the places of the beat that passes."""
        places = [passing.column, *(one.channel for one in passing.maps)]
        for _ in range(4):  # the stages of `_add`
            later_valid, later = Signal(), [Signal.like(Value.cast(place)) for place in places]
            m.d.sync += [
                later_valid.eq(valid),
                *(n.eq(p) for n, p in zip(later, places, strict=True)),
            ]
            valid, places = later_valid, later
        m.d.comb += [
            entry.column.eq(places[0]),
            *(one.channel.eq(place) for one, place in zip(entry.maps, places[1:], strict=True)),
        ]
        width = Shape.cast(entry.shape()).width
        m.submodules.fifo = fifo = SyncFIFO(width=width, depth=self.plan.queue_depth)
        m.d.comb += [
            fifo.w_data.eq(entry),
            fifo.w_en.eq(valid),
            self.o.payload.eq(fifo.r_data),
            self.o.valid.eq(fifo.r_rdy),
            fifo.r_en.eq(self.o.ready),
            left.eq(self.o.valid & self.o.ready),
        ]
