"""A whole network in hardware: a pipeline of layers between two AXI4-Stream ends."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.add import AddEngine
from hw.fold import Folding
from hw.layer import LayerEngine
from hw.network import Network
from hw.parts.axis import Axis, AxisInterface, elements_per_beat
from hw.parts.fork import Fork
from hw.parts.sink import RasterSink, VectorSink
from hw.parts.source import PixelSource, RasterSource
from hw.plan import AddPlan, input_columns, plan


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
        If there is no hardware for a layer or a fold is impossible.
    """

    s_axis: AxisInterface
    m_axis: AxisInterface
    misframed: Signal

    def __init__(self, network: Network, folding: Folding) -> None:
        self.network = network
        self.plans = plan(network, folding)
        self.columns = input_columns(network.input, folding)
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
        picture, columns = self.network.input, self.columns
        source = PixelSource(picture) if columns.lanes == 1 else RasterSource(picture, columns)
        m.submodules.source = source
        wiring.connect(m, wiring.flipped(self.s_axis), source.i)
        m.d.comb += self.misframed.eq(source.misframed)
        outlets = {picture.name: self._outlets(m, picture.name, source.o)}
        for layer in self.plans:
            engine = AddEngine(layer) if isinstance(layer, AddPlan) else LayerEngine(layer)
            m.submodules[f"layer_{layer.name}"] = engine
            for name, inlet in zip(layer.inputs, engine.inlets, strict=True):
                wiring.connect(m, outlets[name].pop(), inlet)
            outlets[layer.name] = self._outlets(m, layer.name, engine.o)
        last = self.plans[-1]
        sink = VectorSink(last.link) if last.in_order else RasterSink(last.link)
        m.submodules.sink = sink
        wiring.connect(m, outlets[last.name].pop(), sink.i)
        wiring.connect(m, sink.o, wiring.flipped(self.m_axis))
        return m

    def _outlets(self, m: Module, name: str, beats: stream.Interface) -> list[stream.Interface]:
        """Streams from which the consumers of a layer take its beats."""
        consumers = sum(layer.inputs.count(name) for layer in self.plans)
        consumers += name == self.plans[-1].name
        if consumers == 1:
            return [beats]
        m.submodules[f"fork_{name}"] = fork = Fork(beats.signature, consumers)
        wiring.connect(m, beats, fork.i)
        return list(fork.o)
