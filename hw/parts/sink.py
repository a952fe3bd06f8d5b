"""Sinks: the ends at which a network's results leave as an AXI4-Stream."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.columns import Columns
from hw.layers import Activation
from hw.parts.axis import Axis, AxisInterface
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
    """Sink of a map: a row is gathered, then leaves pixel by pixel with all its channels.

    Members
    -------
    i : In(beats)
        Beats of rows.
    o : Out(Axis)
        Pixels in raster order.
    """

    i: stream.Interface
    o: AxisInterface

    def __init__(self, activation: Activation, columns: Columns) -> None:
        self.activation, self.columns = activation, columns
        super().__init__(
            {
                "i": In(beats(activation, columns)),
                "o": Out(Axis(activation.shape[0], activation.bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        (channels, height, width), bits = self.activation.shape, self.activation.bits
        block, lanes = self.columns.block, self.columns.lanes

        # Two rows: one is written while the other leaves. A word has all channels of P pixels.
        word = data.ArrayLayout(data.ArrayLayout(bits, lanes), channels)
        m.submodules.rows = rows = Memory(shape=word, depth=2 * block, init=[])
        write, read = rows.write_port(granularity=1), rows.read_port(domain="comb")
        written, count = Signal(range(3)), Signal(range(channels * block))
        into, out_of = Signal(), Signal()
        accept, filled, emptied = Signal(), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(written != 2),
            accept.eq(self.i.valid & self.i.ready),
            filled.eq(accept & (count == channels * block - 1)),
            write.addr.eq(self.i.payload.column + Mux(into, block, 0)),
            write.en.eq(Mux(accept, 1 << self.i.payload.channel, 0)),
        ]
        for channel in range(channels):
            m.d.comb += write.data[channel].eq(Cat(*(Value.cast(x) for x in self.i.payload.pixels)))
        with m.If(accept):
            m.d.sync += count.eq(Mux(filled, 0, count + 1))
        m.d.sync += [written.eq(written + filled - emptied), into.eq(into ^ filled)]

        lane, column = Signal(range(lanes)), Signal(range(block))
        x, y = Signal(range(width)), Signal(range(height))
        load, row_end = Signal(), Signal()
        m.d.comb += [
            read.addr.eq(column + Mux(out_of, block, 0)),
            load.eq((written != 0) & (~self.o.tvalid | self.o.tready)),
            row_end.eq(x == width - 1),
            emptied.eq(load & row_end),
        ]
        m.d.sync += out_of.eq(out_of ^ emptied)
        pixels = [Cat(*(read.data[c][p] for c in range(channels))) for p in range(lanes)]
        with m.If(load):
            m.d.sync += [
                self.o.tdata.eq(Array(pixels)[lane]),
                self.o.tlast.eq(row_end & (y == height - 1)),
                x.eq(Mux(row_end, 0, x + 1)),
                column.eq(Mux(row_end | (column == block - 1), 0, column + 1)),
            ]
            with m.If(row_end):
                m.d.sync += [lane.eq(0), y.eq(Mux(y == height - 1, 0, y + 1))]
            with m.Elif(column == block - 1):
                m.d.sync += lane.eq(lane + 1)
        with m.If(load | self.o.tready):
            m.d.sync += self.o.tvalid.eq(load)
        return m
