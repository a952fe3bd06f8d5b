"""Sinks: the ends at which a network's results leave as an AXI4-Stream."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.link import Link
from hw.outputs import elements_per_beat
from hw.parts.axis import Axis, AxisInterface
from hw.parts.beats import beats


class VectorSink(wiring.Component):
    """Sink of a vector (a map of one pixel): one element a beat, in channel order.

    Parameters
    ----------
    link : Link
        Of one stream.

    Members
    -------
    i : In(beats)
        Beats of one pixel, in channel order.
    o : Out(Axis)
        Elements.
    """

    i: stream.Interface
    o: AxisInterface

    def __init__(self, link: Link) -> None:
        self.activation = link.activation
        super().__init__({"i": In(beats(link)), "o": Out(Axis(1, link.activation.bits))})

    def elaborate(self, platform):
        m = Module()
        (only,) = self.i.payload.maps
        m.d.comb += [
            self.o.tdata.eq(Value.cast(only.pixels[0])),
            self.o.tvalid.eq(self.i.valid),
            self.o.tlast.eq(only.channel == self.activation.shape[0] - 1),
            self.i.ready.eq(self.o.tready),
        ]
        return m


class RasterSink(wiring.Component):
    """Sink of rows: one is gathered while the one before leaves, an output beat a cycle.

    A row of a map leaves pixel by pixel with all its channels; a vector is a row of elements.

    Parameters
    ----------
    link : Link

    Members
    -------
    i : In(beats)
        Beats of rows, those of a row in any order.
    o : Out(Axis)
        Pixels in raster order, or elements in channel order.
    """

    i: stream.Interface
    o: AxisInterface

    def __init__(self, link: Link) -> None:
        self.link = link
        shape, bits = link.activation.shape, link.activation.bits
        super().__init__({"i": In(beats(link)), "o": Out(Axis(elements_per_beat(shape), bits))})

    def elaborate(self, platform):
        m = Module()
        channels, height, width = self.link.activation.shape
        vector = (height, width) == (1, 1)
        words = channels if vector else self.link.columns.block
        length, lanes = channels if vector else width, self.link.columns.lanes

        # Two rows: one is written while the other leaves.
        row_beats = self.link.row_beats
        written, count = Signal(range(3)), Signal(range(row_beats))
        into, out_of = Signal(), Signal()
        accept, filled, emptied = Signal(), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(written != 2),
            accept.eq(self.i.valid & self.i.ready),
            filled.eq(accept & (count == row_beats - 1)),
        ]
        with m.If(accept):
            m.d.sync += count.eq(Mux(filled, 0, count + 1))
        m.d.sync += [written.eq(written + filled - emptied), into.eq(into ^ filled)]

        lane, column = Signal(range(lanes)), Signal(range(words))
        x, y = Signal(range(length)), Signal(range(height))
        load, row_end = Signal(), Signal()
        m.d.comb += [
            load.eq((written != 0) & (~self.o.tvalid | self.o.tready)),
            row_end.eq(x == length - 1),
            emptied.eq(load & row_end),
        ]
        m.d.sync += out_of.eq(out_of ^ emptied)
        rows = self._elements if vector else self._pixels
        beats = rows(m, accept, into, out_of, column)
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

    def _pixels(
        self, m: Module, accept: Signal, into: Signal, out_of: Signal, column: Signal
    ) -> list[Value]:
        """Rows of a map: per lane, all channels of the pixel in a column."""
        (channels, _, _), bits = self.link.activation.shape, self.link.activation.bits
        lanes, block = self.link.columns.lanes, self.link.columns.block
        word = data.ArrayLayout(data.ArrayLayout(bits, lanes), channels)
        m.submodules.rows = rows = Memory(shape=word, depth=2 * block, init=[])
        write, read = rows.write_port(granularity=1), rows.read_port(domain="comb")
        m.d.comb += [
            write.addr.eq(self.i.payload.column + Mux(into, block, 0)),
            read.addr.eq(column + Mux(out_of, block, 0)),
        ]
        for e, carried in enumerate(self.link.streams):
            one = self.i.payload.maps[e]
            pixels = Cat(*(Value.cast(pixel) for pixel in one.pixels))
            for c in sorted({*carried} - {-1}):
                m.d.comb += [
                    write.data[c].eq(pixels),
                    write.en[c].eq(accept & (one.channel == c)),
                ]
        return [Cat(*(read.data[c][p] for c in range(channels))) for p in range(lanes)]

    def _elements(
        self, m: Module, accept: Signal, into: Signal, out_of: Signal, channel: Signal
    ) -> list[Value]:
        """Rows of one pixel: a memory for each stream; the element of a channel."""
        (channels, _, _), bits = self.link.activation.shape, self.link.activation.bits
        element, has = Signal(bits), Signal(len(self.link.streams))
        for e, carried in enumerate(self.link.streams):
            one = self.i.payload.maps[e]
            m.submodules[f"rows_{e}"] = rows = Memory(shape=bits, depth=2 * channels, init=[])
            write, read = rows.write_port(), rows.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(one.channel + Mux(into, channels, 0)),
                write.data.eq(one.pixels[0]),
                write.en.eq(accept & (one.channel != channels)),
                read.addr.eq(channel + Mux(out_of, channels, 0)),
            ]
            kept = sum(1 << c for c in carried if c >= 0)
            m.d.comb += has[e].eq(Const(kept, channels).bit_select(channel, 1))
            with m.If(has[e]):
                m.d.comb += element.eq(read.data)
        return [element]
