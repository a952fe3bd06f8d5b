"""Sources: the ends at which raster pixels enter as an AXI4-Stream and become beats."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.columns import Columns
from hw.layers import Input
from hw.link import Link
from hw.parts.axis import Axis, AxisInterface
from hw.parts.beats import beats, element


class Framer(wiring.Component):
    """Counter of the pixels of a frame, which compares the frame's end with TLAST.

    Members
    -------
    accept, tlast : In(1)
        A pixel is taken in this cycle, and its TLAST.
    x : Out
        Column of the pixel.
    row_end : Out(1)
        The pixel is the last of its row.
    misframed : Out(1)
        Sticky: TLAST came where no frame ended, or did not come where one did.
    """

    accept: Signal
    tlast: Signal
    x: Signal
    row_end: Signal
    misframed: Signal

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        super().__init__(
            {
                "accept": In(1),
                "tlast": In(1),
                "x": Out(range(width)),
                "row_end": Out(1),
                "misframed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        y, frame_end = Signal(range(self.height)), Signal()
        m.d.comb += [
            self.row_end.eq(self.x == self.width - 1),
            frame_end.eq(self.row_end & (y == self.height - 1)),
        ]
        with m.If(self.accept):
            m.d.sync += self.x.eq(Mux(self.row_end, 0, self.x + 1))
            with m.If(self.row_end):
                m.d.sync += y.eq(Mux(frame_end, 0, y + 1))
            with m.If(self.tlast != frame_end):
                m.d.sync += self.misframed.eq(1)
        return m


class Source(wiring.Component):
    """What both sources share: raster pixels in, beats out, the offset subtracted.

    Members
    -------
    i : In(Axis)
        Pixels, one with all its channels a beat.
    o : Out(beats)
        Beats.
    misframed : Out(1)
        As `Framer`.
    """

    i: AxisInterface
    o: stream.Interface
    misframed: Signal

    def __init__(self, layer: Input, columns: Columns) -> None:
        self.layer, self.columns = layer, columns
        super().__init__(
            {
                "i": In(Axis(layer.shape[0], layer.bits)),
                "o": Out(beats(Link.of_one(layer.name, layer.output(), columns))),
                "misframed": Out(1),
            }
        )

    def frame(self, m: Module, accept: Value) -> Framer:
        """Count pixels."""
        m.submodules.framer = framer = Framer(*self.layer.shape[1:])
        m.d.comb += [
            framer.accept.eq(accept),
            framer.tlast.eq(self.i.tlast),
            self.misframed.eq(framer.misframed),
        ]
        return framer

    def emit(self, m: Module, channel: Signal, column: Signal, pixels: list) -> None:
        """Drive the payload from `pixels`, one per lane, each with all its channels."""
        (only,) = self.o.payload.maps
        m.d.comb += [only.channel.eq(channel), self.o.payload.column.eq(column)]
        offsets = self.layer.offset or (0,) * self.layer.shape[0]
        with m.Switch(channel):
            for index, offset in enumerate(offsets):
                with m.Case(index):
                    for out, pixel in zip(only.pixels, pixels, strict=True):
                        m.d.comb += out.eq(pixel[index] - offset)


class PixelSource(Source):
    """Source of one-pixel beats: holds a pixel while its channels leave, one a cycle at most."""

    def __init__(self, layer: Input) -> None:
        super().__init__(layer, Columns(layer.shape[2], 1))

    def elaborate(self, platform):
        m = Module()
        stream, i, o = self.layer.stream, self.i, self.o
        channels = stream.shape[0]

        pixel = Signal(data.ArrayLayout(element(stream), channels))
        channel, column = Signal(range(channels)), Signal(range(self.columns.width))
        busy, last_channel, accept = Signal(), Signal(), Signal()
        m.d.comb += [
            last_channel.eq(channel == channels - 1),
            i.tready.eq(~busy | (o.ready & last_channel)),
            accept.eq(i.tvalid & i.tready),
            o.valid.eq(busy),
        ]
        framer = self.frame(m, accept)
        self.emit(m, channel, column, [pixel])
        with m.If(o.valid & o.ready):
            m.d.sync += channel.eq(Mux(last_channel, 0, channel + 1))
            with m.If(last_channel):
                m.d.sync += busy.eq(0)
        with m.If(accept):
            m.d.sync += [busy.eq(1), pixel.eq(i.tdata), column.eq(framer.x)]
        return m


class RasterSource(Source):
    """Source of wide beats: a row is gathered, a pixel a cycle, while the one before leaves."""

    def elaborate(self, platform):
        m = Module()
        stream, i, o = self.layer.stream, self.i, self.o
        channels, block, lanes = stream.shape[0], self.columns.block, self.columns.lanes

        word = data.ArrayLayout(data.ArrayLayout(element(stream), channels), lanes)
        m.submodules.rows = rows = Memory(shape=word, depth=2 * block, init=[])
        write, read = rows.write_port(granularity=1), rows.read_port(domain="comb")
        gathered = Signal(range(3))  # rows that wait to leave
        into, out_of, accept = Signal(), Signal(), Signal()
        filled, emptied = Signal(), Signal()

        lane, place = Signal(range(lanes)), Signal(range(block))
        m.d.comb += [i.tready.eq(gathered != 2), accept.eq(i.tvalid & i.tready)]
        framer = self.frame(m, accept)
        m.d.comb += [
            filled.eq(accept & framer.row_end),
            write.addr.eq(place + Mux(into, block, 0)),
            write.en.eq(Mux(accept, 1 << lane, 0)),
            *(write.data[p].eq(i.tdata) for p in range(lanes)),
        ]
        with m.If(accept):
            with m.If(framer.row_end):
                m.d.sync += [lane.eq(0), place.eq(0)]
            with m.Elif(place == block - 1):
                m.d.sync += [lane.eq(lane + 1), place.eq(0)]
            with m.Else():
                m.d.sync += place.eq(place + 1)

        channel, column = Signal(range(channels)), Signal(range(block))
        last_channel = Signal()
        m.d.comb += [
            o.valid.eq(gathered != 0),
            last_channel.eq(channel == channels - 1),
            read.addr.eq(column + Mux(out_of, block, 0)),
            emptied.eq(o.valid & o.ready & last_channel & (column == block - 1)),
        ]
        self.emit(m, channel, column, [read.data[p] for p in range(lanes)])
        with m.If(o.valid & o.ready):
            m.d.sync += channel.eq(Mux(last_channel, 0, channel + 1))
            with m.If(last_channel):
                m.d.sync += column.eq(Mux(column == block - 1, 0, column + 1))
        m.d.sync += [
            gathered.eq(gathered + filled - emptied),
            into.eq(into ^ filled),
            out_of.eq(out_of ^ emptied),
        ]
        return m
