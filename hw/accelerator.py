"""A whole network in hardware: a pipeline of layers between two AXI4-Stream ends."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.layer import LayerEngine
from hw.network import Network
from hw.parts.axis import Axis, AxisInterface, elements_per_beat
from hw.parts.sink import RasterSink, VectorSink
from hw.parts.source import PixelSource, RasterSource
from hw.plan import Folding, plan


class Accelerator(wiring.Component):
    """Pipeline of a network's layers.

    Parameters
    ----------
    network : Network
    folding : Folding
        A fold for every layer behind the input.

    Members
    -------
    s_axis : In(Axis)
        Pixels in raster order, all channels of one pixel a beat.
    m_axis : Out(Axis)
        Logits in class order, one a beat, or the pixels of a map as they enter.
    misframed : Out(1)
        Sticky: TLAST of the input did not match the frame's size.

    Raises
    ------
    UnsupportedLayer, ValueError
        If the network is not a chain or a fold is impossible.
    """

    s_axis: AxisInterface
    m_axis: AxisInterface
    misframed: Signal

    def __init__(self, network: Network, folding: Folding) -> None:
        self.network = network
        self.plans = plan(network, folding)
        result = self.plans[-1].result
        self.elements = elements_per_beat(result.shape)
        stream = network.input.stream
        super().__init__(
            {
                "s_axis": In(Axis(stream.shape[0], stream.bits)),
                "m_axis": Out(Axis(self.elements, result.bits)),
                "misframed": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        picture, columns = self.network.input, self.plans[0].producer
        source = PixelSource(picture) if columns.lanes == 1 else RasterSource(picture, columns)
        m.submodules.source = source
        wiring.connect(m, wiring.flipped(self.s_axis), source.i)
        m.d.comb += self.misframed.eq(source.misframed)
        beats = source.o
        for layer in self.plans:
            m.submodules[f"layer_{layer.name}"] = engine = LayerEngine(layer)
            wiring.connect(m, beats, engine.i)
            beats = engine.o
        last = self.plans[-1]
        direct = VectorSink(last.result) if last.in_order else None
        sink = direct or RasterSink(last.result, last.columns)
        m.submodules.sink = sink
        wiring.connect(m, beats, sink.i)
        wiring.connect(m, sink.o, wiring.flipped(self.m_axis))
        return m
