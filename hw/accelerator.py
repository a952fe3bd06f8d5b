"""A whole network in hardware: a pipeline of layers between AXI4-Stream ends."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hw.add import AddEngine
from hw.contents import contents
from hw.fold import Folding
from hw.layer import LayerEngine
from hw.network import Network
from hw.outputs import Output, outputs_of
from hw.parts.axis import Axis, AxisInterface
from hw.parts.fork import Fork
from hw.parts.frame_gate import FrameGate
from hw.parts.load import pass_on
from hw.parts.sink import RasterSink, VectorSink
from hw.parts.source import PixelSource, RasterSource
from hw.parts.weight_loader import WeightLoader
from hw.plan import AddPlan, input_columns, plan
from hw.timing import PORTABLE, Stages


class Accelerator(wiring.Component):
    """Pipeline of a network's layers.

    Parameters
    ----------
    network : Network
    folding : Folding
        A fold for every layer behind the input.
    stages : Stages
        Of the cells that it is made of: of the `platform` of `elaborate`.
    loadable : bool
        Whether weights, biases and scales can be loaded; at first they are the network's.

    Members
    -------
    s_axis : In(Axis)
        Pixels in raster order, all channels of one pixel a beat.
    m_axis : Out(Axis), or one for each of several outputs, called as `Output.stream`
        Logits in class order, one a beat, or the pixels of a map as they enter.
    misframed : Out(1)
        Sticky: TLAST of the input did not match the frame's size.
    s_axis_weights : In(Axis)
        Where they can be loaded, the bytes of `hw.contents`, layer after layer.
    weights_incomplete : Out(1)
        There too: a load has begun, and none has been whole since.

    Raises
    ------
    UnsupportedLayer, ValueError
        If there is no hardware for a layer or a fold is impossible.
    """

    s_axis: AxisInterface
    misframed: Signal
    s_axis_weights: AxisInterface
    weights_incomplete: Signal

    def __init__(
        self,
        network: Network,
        folding: Folding,
        stages: Stages = PORTABLE,
        *,
        loadable: bool = False,
    ) -> None:
        self.network = network
        self.plans = plan(network, folding, stages=stages, loadable=loadable)
        if loadable and not any(map(contents, self.plans)):
            raise ValueError(f"network {network.name!r} must have weights, to be loadable")
        self.loadable = loadable
        self.columns = input_columns(network.input, folding)
        self.outputs = outputs_of(network, folding, self.plans)
        stream = network.input.stream
        super().__init__(
            {
                "s_axis": In(Axis(stream.shape[0], stream.bits)),
                **{
                    output.stream: Out(Axis(output.elements, output.link.activation.bits))
                    for output in self.outputs
                },
                "misframed": Out(1),
                **(
                    {"s_axis_weights": In(Axis(1, 8)), "weights_incomplete": Out(1)}
                    if loadable
                    else {}
                ),
            }
        )

    @property
    def weight_bytes(self) -> int:
        """Bytes of one load."""
        return sum(
            memory.size * len(memory.words) for layer in self.plans for memory in contents(layer)
        )

    def results(self, output: Output) -> AxisInterface:
        """Return the stream on which a result leaves."""
        return getattr(self, output.stream)

    def elaborate(self, platform):
        m = Module()
        picture, columns = self.network.input, self.columns
        source = PixelSource(picture) if columns.lanes == 1 else RasterSource(picture, columns)
        m.submodules.source = source
        if not self.loadable:
            wiring.connect(m, wiring.flipped(self.s_axis), source.i)
        m.d.comb += self.misframed.eq(source.misframed)
        engines = []
        outlets = {picture.name: self._outlets(m, picture.name, source.o)}
        for layer in self.plans:
            engine = AddEngine(layer) if isinstance(layer, AddPlan) else LayerEngine(layer)
            m.submodules[f"layer_{layer.name}"] = engine
            engines.append(engine)
            for name, inlet in zip(layer.inputs, engine.inlets, strict=True):
                wiring.connect(m, outlets[name].pop(), inlet)
            outlets[layer.name] = self._outlets(m, layer.name, engine.o)
        for output in self.outputs:
            sink = VectorSink(output.link) if output.in_order else RasterSink(output.link)
            m.submodules[f"sink{output.suffix}"] = sink
            wiring.connect(m, outlets[output.layer].pop(), sink.i)
            wiring.connect(m, sink.o, wiring.flipped(self.results(output)))
        if self.loadable:
            self._load(m, source.i, engines)
        return m

    def _load(
        self, m: Module, source: AxisInterface, engines: list[AddEngine | LayerEngine]
    ) -> None:
        """Let frames in or weights, one kind at a time."""
        memories = [memory for engine in engines for memory in engine.contents]
        m.submodules.frame_gate = gate = FrameGate(self.network.input, len(self.outputs))
        m.submodules.weight_loader = loader = WeightLoader(memories)
        wiring.connect(m, wiring.flipped(self.s_axis), gate.i)
        wiring.connect(m, gate.o, source)
        wiring.connect(m, wiring.flipped(self.s_axis_weights), loader.i)
        m.d.comb += [
            gate.hold.eq(loader.hold),
            loader.empty.eq(gate.empty),
            self.weights_incomplete.eq(loader.incomplete),
        ]
        for left, output in zip(gate.left, self.outputs, strict=True):
            result = self.results(output)
            m.d.comb += left.eq(result.tvalid & result.tready & result.tlast)
        first = 0
        for engine in engines:
            if engine.contents:
                pass_on(m, loader.load, first, engine.load)
                first += len(engine.contents)

    def _outlets(self, m: Module, name: str, beats: stream.Interface) -> list[stream.Interface]:
        """Streams from which the consumers of a layer, sinks among them, take its beats."""
        consumers = sum(layer.inputs.count(name) for layer in self.plans)
        consumers += name in self.network.outputs
        if consumers == 1:
            return [beats]
        m.submodules[f"fork_{name}"] = fork = Fork(beats.signature, consumers)
        wiring.connect(m, beats, fork.i)
        return list(fork.o)
