"""AXI4-Stream ends: raster pixels in, logits or raster pixels out."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.columns import Columns
from hw.layers import Activation, Input
from hw.parts.beats import beats, element


def payload_bits(elements: int, bits: int) -> int:
    """Width of ``tdata`` for a beat of some elements, padded to whole bytes."""
    return -(-elements * bits // 8) * 8


def axis(width: int) -> wiring.Signature:
    """AXI4-Stream of frames, as its source sees it."""
    return wiring.Signature(
        {"tdata": Out(width), "tvalid": Out(1), "tready": In(1), "tlast": Out(1)}
    )


def elements_per_beat(shape: tuple[int, int, int]) -> int:
    """Elements of an output beat: one of a vector, else all channels of a pixel."""
    channels, height, width = shape
    return 1 if (height, width) == (1, 1) else channels


class PixelSource(wiring.Component):
    """Source of beats from raster pixels: one pixel with all its channels becomes a beat a channel.

    Members
    -------
    i : In(axis)
        Pixels.
    o : Out(beats)
        Beats of one pixel, the offset subtracted.
    misframed : Out(1)
        Sticky: TLAST came where no frame ended, or did not come where one did.
    """

    def __init__(self, layer: Input) -> None:
        self.layer = layer
        self.activation = layer.output()
        self.columns = Columns(layer.shape[2], 1)
        super().__init__(
            {
                "i": In(axis(payload_bits(layer.shape[0], layer.bits))),
                "o": Out(beats(self.activation, self.columns)),
                "misframed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stream, o = self.layer.stream, self.o
        channels, height, width = stream.shape

        pixel = Signal(data.ArrayLayout(element(stream), channels))
        x, y = Signal(range(width)), Signal(range(height))
        busy, last_channel, accept = Signal(), Signal(), Signal()
        m.d.comb += [
            last_channel.eq(o.payload.channel == channels - 1),
            self.i.tready.eq(~busy | (o.ready & last_channel)),
            accept.eq(self.i.tvalid & self.i.tready),
            o.valid.eq(busy),
        ]
        offsets = self.layer.offset or (0,) * channels
        with m.Switch(o.payload.channel):
            for channel, offset in enumerate(offsets):
                with m.Case(channel):
                    m.d.comb += o.payload.pixels[0].eq(pixel[channel] - offset)

        channel, column = Signal(range(channels)), Signal(range(width))
        m.d.comb += [o.payload.channel.eq(channel), o.payload.column.eq(column)]
        with m.If(o.valid & o.ready):
            m.d.sync += [channel.eq(Mux(last_channel, 0, channel + 1))]
            with m.If(last_channel):
                m.d.sync += busy.eq(0)
        with m.If(accept):
            row_end, frame_end = Signal(), Signal()
            m.d.comb += [
                row_end.eq(x == width - 1),
                frame_end.eq(row_end & (y == height - 1)),
            ]
            m.d.sync += [busy.eq(1), pixel.eq(self.i.tdata), column.eq(x)]
            m.d.sync += x.eq(Mux(row_end, 0, x + 1))
            with m.If(row_end):
                m.d.sync += y.eq(Mux(frame_end, 0, y + 1))
            with m.If(self.i.tlast != frame_end):
                m.d.sync += self.misframed.eq(1)
        return m


class VectorSink(wiring.Component):
    """Sink of a vector (a map of one pixel): one element a beat, in channel order.

    Members
    -------
    i : In(beats)
        Beats of one pixel, in channel order.
    o : Out(axis)
        Elements.
    """

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        super().__init__(
            {
                "i": In(beats(activation, Columns(1, 1))),
                "o": Out(axis(payload_bits(1, activation.bits))),
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
    o : Out(axis)
        Pixels in raster order.
    """

    def __init__(self, activation: Activation, columns: Columns) -> None:
        self.activation, self.columns = activation, columns
        super().__init__(
            {
                "i": In(beats(activation, columns)),
                "o": Out(axis(payload_bits(activation.shape[0], activation.bits))),
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
