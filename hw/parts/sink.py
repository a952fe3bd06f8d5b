"""Sinks: the ends at which a network's results leave as an AXI4-Stream."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.columns import Columns
from hw.layers import Activation
from hw.parts.axis import Axis, AxisInterface, elements_per_beat
from hw.parts.beats import beats


class VectorSink(wiring.Component):
    """Sink of a vector (a map of one pixel): one element a beat, in channel order.

    Members
    -------
    i : In(beats)
        Beats of one pixel, in channel order.
    o : Out(Axis)
        Elements.
    """

    i: stream.Interface
    o: AxisInterface

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        super().__init__(
            {
                "i": In(beats(activation, Columns(1, 1))),
                "o": Out(Axis(1, activation.bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.o.tdata.eq(Value.cast(self.i.payload.pixels[0])),
            self.o.tvalid.eq(self.i.valid),
            self.o.tlast.eq(self.i.payload.channel == self.activation.shape[0] - 1),
            self.i.ready.eq(self.o.tready),
        ]
        return m


class RasterSink(wiring.Component):
    """Sink of rows: one is gathered while the one before leaves, an output beat a cycle.

    A row of a map leaves pixel by pixel with all its channels; a vector is a row of elements.

    Members
    -------
    i : In(beats)
        Beats of rows, those of a row in any order.
    o : Out(Axis)
        Pixels in raster order, or elements in channel order.
    """

    i: stream.Interface
    o: AxisInterface

    def __init__(self, activation: Activation, columns: Columns) -> None:
        self.activation, self.columns = activation, columns
        self.banks = elements_per_beat(activation.shape)
        super().__init__(
            {
                "i": In(beats(activation, columns)),
                "o": Out(Axis(self.banks, activation.bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        (channels, height, width), bits = self.activation.shape, self.activation.bits
        vector = (height, width) == (1, 1)
        words = channels if vector else self.columns.block
        length, lanes = channels if vector else width, self.columns.lanes

        # Two rows; a word has the pixels of a beat, for all channels that leave together.
        word = data.ArrayLayout(data.ArrayLayout(bits, lanes), self.banks)
        m.submodules.rows = rows = Memory(shape=word, depth=2 * words, init=[])
        write, read = rows.write_port(granularity=1), rows.read_port(domain="comb")
        row_beats = channels * self.columns.block
        written, count = Signal(range(3)), Signal(range(row_beats))
        into, out_of = Signal(), Signal()
        accept, filled, emptied = Signal(), Signal(), Signal()
        place = self.i.payload.channel if vector else self.i.payload.column
        bank = Const(0) if vector else self.i.payload.channel
        m.d.comb += [
            self.i.ready.eq(written != 2),
            accept.eq(self.i.valid & self.i.ready),
            filled.eq(accept & (count == row_beats - 1)),
            write.addr.eq(place + Mux(into, words, 0)),
            write.en.eq(Mux(accept, 1 << bank, 0)),
        ]
        pixels = Cat(*(Value.cast(pixel) for pixel in self.i.payload.pixels))
        m.d.comb += [write.data[bank].eq(pixels) for bank in range(self.banks)]
        with m.If(accept):
            m.d.sync += count.eq(Mux(filled, 0, count + 1))
        m.d.sync += [written.eq(written + filled - emptied), into.eq(into ^ filled)]

        lane, column = Signal(range(lanes)), Signal(range(words))
        x, y = Signal(range(length)), Signal(range(height))
        load, row_end = Signal(), Signal()
        m.d.comb += [
            read.addr.eq(column + Mux(out_of, words, 0)),
            load.eq((written != 0) & (~self.o.tvalid | self.o.tready)),
            row_end.eq(x == length - 1),
            emptied.eq(load & row_end),
        ]
        m.d.sync += out_of.eq(out_of ^ emptied)
        beats = [Cat(*(read.data[c][p] for c in range(self.banks))) for p in range(lanes)]
        with m.If(load):
            m.d.sync += [
                self.o.tdata.eq(Array(beats)[lane]),
                self.o.tlast.eq(row_end & (y == height - 1)),
                x.eq(Mux(row_end, 0, x + 1)),
                column.eq(Mux(row_end | (column == words - 1), 0, column + 1)),
            ]
            with m.If(row_end):
                m.d.sync += [lane.eq(0), y.eq(Mux(y == height - 1, 0, y + 1))]
            with m.Elif(column == words - 1):
                m.d.sync += lane.eq(lane + 1)
        with m.If(load | self.o.tready):
            m.d.sync += self.o.tvalid.eq(load)
        return m
