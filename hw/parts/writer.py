"""Writer: puts the beats of a producer where the row buffer's segments want them."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from hw.parts.beats import beats, element
from hw.store import Store


class Writer(wiring.Component):
    """Writer of beats into the copies of the row buffer.

    A beat takes one cycle per word that holds one of its pixels (`Store.writes`): its own
    word, and the halos of the neighbouring lanes. A row that is read is taken only if the ring has
    a free slot for it; one that is not is taken and dropped. A word reaches the write ports one
    cycle after its step.

    Parameters
    ----------
    store : Store

    Members
    -------
    i : In(beats)
        Beats of the producer.
    data : Out
        Word that is written.
    address, enable : Out
        For each copy its address, and one enable per lane.
    row_done : Out(1)
        The last word of a row is being written in this cycle.
    release : In
        Slots that become free in this cycle.
    """

    i: stream.Interface
    address: View
    data: View
    enable: View
    row_done: Signal
    release: Signal

    def __init__(self, store: Store) -> None:
        self.store = store
        copies = len(store.copies)
        super().__init__(
            {
                "i": In(beats(store.source, store.producer)),
                "address": Out(data.ArrayLayout(range(store.depth), copies)),
                "data": Out(data.ArrayLayout(element(store.source), store.lanes)),
                "enable": Out(data.ArrayLayout(store.lanes, copies)),
                "row_done": Out(1),
                "release": In(range(store.rows.ring + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        store, i = self.store, self.i
        ring, row_beats = store.rows.ring, store.channels * store.producer.block
        steps = max(len(writes) for writes in store.writes)

        busy, final = Signal(), Signal()  # a beat is held; it is the last of its row
        held = Signal.like(i.payload)
        step, last_step = Signal(range(steps)), Signal()
        base, count = Signal(range(store.depth)), Signal(range(row_beats))
        free = Signal(range(ring + 1), init=ring)
        accept, row_start, row_end = Signal(), Signal(), Signal()
        stored = self._stored(m, accept & row_end)
        held_stored = Signal()

        m.d.comb += [
            row_start.eq(count == 0),
            row_end.eq(count == row_beats - 1),
            i.ready.eq((~busy | last_step) & (~row_start | ~stored | (free != 0))),
            accept.eq(i.valid & i.ready),
        ]
        m.d.sync += free.eq(free + self.release - (accept & row_start & stored))
        with m.If(accept):
            m.d.sync += [
                held.eq(i.payload),
                held_stored.eq(stored),
                final.eq(row_end & stored),
                count.eq(Mux(row_end, 0, count + 1)),
            ]
            with m.If(row_end & stored):
                wrap = base == (ring - 1) * store.row_words
                m.d.sync += base.eq(Mux(wrap, 0, base + store.row_words))
        with m.If(accept | last_step):
            m.d.sync += busy.eq(accept)
        with m.If(busy):
            m.d.sync += step.eq(Mux(last_step, 0, step + 1))

        word = Signal(range(store.segments.words))
        # A signal for each lane: one of a lane without columns is never driven.
        lanes, shape = range(store.lanes), element(store.source)
        enables = [Signal(name=f"enable_{p}") for p in lanes]
        pixels = [Signal(shape, name=f"pixel_{p}") for p in lanes]
        enable = Cat(enables)
        m.d.comb += last_step.eq(busy & ~held_stored)
        with m.Switch(held.column):
            for column, writes in enumerate(store.writes):
                with m.Case(column):
                    with m.If(step == len(writes) - 1):
                        m.d.comb += last_step.eq(busy)
                    with m.Switch(step):
                        for index, write in enumerate(writes):
                            with m.Case(index):
                                m.d.comb += word.eq(write.word)
                                for lane, source in write.sources:
                                    m.d.comb += [
                                        enables[lane].eq(1),
                                        pixels[lane].eq(held.pixels[source]),
                                    ]
        m.d.sync += [self.data.eq(Cat(pixels)), self.row_done.eq(final & last_step)]

        ports: dict[tuple[int, ...], tuple[Signal, Signal]] = {}
        for r, copy in enumerate(store.copies):
            if copy not in ports:
                ports[copy] = self._port(m, copy, accept, base)
            start, keep = ports[copy]
            m.d.sync += [
                self.address[r].eq(start + word * store.words_per_column),
                self.enable[r].eq(Mux(busy & held_stored & keep, enable, 0)),
            ]
        return m

    def _stored(self, m: Module, next_row: Value) -> Value:
        """Whether the row that arrives is read by any tap."""
        rows = self.store.rows
        stored = rows.stored[rows.top :][: rows.height]
        if all(stored):
            return Const(1)
        y = Signal(range(rows.height))
        with m.If(next_row):
            m.d.sync += y.eq(Mux(y == rows.height - 1, 0, y + 1))
        return Const(sum(kept << row for row, kept in enumerate(stored)), rows.height).bit_select(
            y, 1
        )

    def _port(
        self, m: Module, copy: tuple[int, ...], accept: Signal, base: Signal
    ) -> tuple[Signal, Signal]:
        """First word of the held beat's channel in a copy, and whether the copy has the channel."""
        channel = self.i.payload.channel
        start, keep = Signal.like(base), Signal()
        if copy == tuple(range(self.store.channels)):
            place, has = channel, Const(1)
        else:
            place, has = Signal(range(self.store.words_per_column)), Signal()
            with m.Switch(channel):
                for local, kept in enumerate(copy):
                    with m.Case(kept):
                        m.d.comb += [place.eq(local), has.eq(1)]
        with m.If(accept):
            m.d.sync += [start.eq(base + place), keep.eq(has)]
        return start, keep
