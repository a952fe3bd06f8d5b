"""Writer: puts the beats of a producer where the row buffer's segments want them."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from hw.parts.beats import beats, element
from hw.store import Bank, Store


class Writer(wiring.Component):
    """Writer of beats into the banks of a row buffer.

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
        Word that is written, of each stream.
    address, enable : Out
        For each bank (`Store.banks`) its address, and one enable per lane.
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
        link, banks = store.link, len(store.banks)
        word = data.ArrayLayout(element(link.activation), store.lanes)
        super().__init__(
            {
                "i": In(beats(link)),
                "address": Out(data.ArrayLayout(range(store.depth), banks)),
                "data": Out(data.ArrayLayout(word, len(link.streams))),
                "enable": Out(data.ArrayLayout(store.lanes, banks)),
                "row_done": Out(1),
                "release": In(range(store.rows.ring + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        store, i = self.store, self.i
        ring, row_beats = store.rows.ring, store.link.row_beats
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

        # First word of the column in its row; multiplied here, it takes no multiplier cell.
        word, streams = Signal(range(store.row_words)), range(len(store.link.streams))
        # A signal for each lane: one of a lane without columns is never driven.
        lanes, shape = range(store.lanes), element(store.link.activation)
        enables = [Signal(name=f"enable_{p}") for p in lanes]
        pixels = [[Signal(shape, name=f"pixel_{e}_{p}") for p in lanes] for e in streams]
        enable = Cat(enables)
        m.d.comb += last_step.eq(busy & ~held_stored)
        # A lane that is not written may get any pixel: its first source takes no multiplexer.
        written = [
            source for writes in store.writes for write in writes for source in write.sources
        ]
        first = dict(reversed(written))
        m.d.comb += [
            pixels[e][lane].eq(held.maps[e].pixels[source])
            for lane, source in first.items()
            for e in streams
        ]
        with m.Switch(held.column):
            for column, writes in enumerate(store.writes):
                with m.Case(column):
                    with m.If(step == len(writes) - 1):
                        m.d.comb += last_step.eq(busy)
                    with m.Switch(step):
                        for index, write in enumerate(writes):
                            with m.Default() if index == len(writes) - 1 else m.Case(index):
                                m.d.comb += word.eq(write.word * store.words_per_column)
                                for lane, source in write.sources:
                                    m.d.comb += enables[lane].eq(1)
                                    if source != first[lane]:
                                        m.d.comb += [
                                            pixels[e][lane].eq(held.maps[e].pixels[source])
                                            for e in streams
                                        ]
        m.d.sync += self.row_done.eq(final & last_step)
        m.d.sync += [self.data[e].eq(Cat(pixels[e])) for e in streams]

        ports: dict[tuple[int, tuple[int, ...]], tuple[Signal, Signal]] = {}
        for index, bank in enumerate(store.banks):
            port = bank.stream, bank.channels
            if port not in ports:
                ports[port] = self._port(m, bank, accept, base)
            start, keep = ports[port]
            m.d.sync += [
                self.address[index].eq(start + word),
                self.enable[index].eq(Mux(busy & held_stored & keep, enable, 0)),
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

    def _port(self, m: Module, bank: Bank, accept: Signal, base: Signal) -> tuple[Signal, Signal]:
        """First word of the held beat's channel in a bank, and whether the bank has the channel."""
        channel = self.i.payload.maps[bank.stream].channel
        start, keep = Signal.like(base), Signal()
        if bank.channels == tuple(range(self.store.link.activation.shape[0])):
            place, has = channel, Const(1)
        else:
            place, has = Signal(range(self.store.words_per_column)), Signal()
            with m.Switch(channel):
                for local, kept in enumerate(bank.channels):
                    with m.Case(kept):
                        m.d.comb += [place.eq(local), has.eq(1)]
        with m.If(accept):
            m.d.sync += [start.eq(base + place), keep.eq(has)]
        return start, keep
