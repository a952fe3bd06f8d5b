"""One layer in hardware: beats in, beats out."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.parts.beats import beats, element
from hw.parts.lanes import Maximum, MultiplyAdd
from hw.parts.output_queue import OutputQueue
from hw.parts.requantise import Requantise
from hw.parts.row_manager import RowManager
from hw.parts.tap_walker import TapWalker
from hw.parts.writer import Writer
from hw.plan import LayerPlan


class LayerEngine(wiring.Component):
    """Engine of one layer: a row buffer, a walker of its surviving taps, lanes, and a drain.

    Parameters
    ----------
    plan : LayerPlan

    Members
    -------
    i : In(beats)
        Activations, in rows.
    o : Out(beats)
        Results, in rows.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, plan: LayerPlan) -> None:
        self.plan = plan
        super().__init__(
            {
                "i": In(beats(plan.source, plan.producer)),
                "o": Out(beats(plan.result, plan.columns)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        m.submodules.writer = writer = Writer(plan)
        m.submodules.row_manager = rows = RowManager(plan)
        m.submodules.tap_walker = walker = TapWalker(plan)
        m.submodules.output_queue = queue = OutputQueue(plan)
        wiring.connect(m, wiring.flipped(self.i), writer.i)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        m.d.comb += [
            rows.row_done.eq(writer.row_done),
            writer.release.eq(rows.release),
            walker.window.eq(rows.active),
            walker.window_valid.eq(rows.valid),
            rows.row_end.eq(walker.row_end),
            walker.list_done.eq(queue.list_done),
        ]

        # Columns outside the picture are never written: they keep the neutral element for good.
        row_shape = data.ArrayLayout(element(plan.source), plan.fold.P)
        neutral = 0 if plan.is_conv else plan.source.low
        init = [[neutral] * plan.fold.P] * plan.depth if neutral else []
        m.submodules.row_buffer = buffer = Memory(shape=row_shape, depth=plan.depth, init=init)
        write, read = buffer.write_port(granularity=1), buffer.read_port()
        blank, last = Signal(init=1), Signal()
        m.d.comb += [
            write.addr.eq(writer.address),
            write.data.eq(writer.data),
            write.en.eq(writer.enable),
            read.addr.eq(walker.address),
        ]
        m.d.sync += [blank.eq(walker.blank), last.eq(walker.last)]

        if plan.is_conv:
            m.submodules.multiply_add = lanes = MultiplyAdd(plan)
            m.submodules.requantise = requantise = Requantise(plan)
            shape = data.ArrayLayout(signed(plan.conv.weight_bits), plan.fold.G)
            entries = [shape.const(row) for row in plan.schedule.weight.tolist()]
            m.submodules.weights = weights = Memory(shape=shape, depth=len(entries), init=entries)
            weight_read = weights.read_port()
            m.d.comb += [
                weight_read.addr.eq(walker.tap),
                lanes.weights.eq(weight_read.data),
                requantise.sums.eq(lanes.sums),
                requantise.valid.eq(lanes.valid),
                queue.results.eq(requantise.results),
                queue.valid.eq(requantise.done),
            ]
        else:
            m.submodules.maximum = lanes = Maximum(plan)
            m.d.comb += [queue.results.eq(lanes.maxima), queue.valid.eq(lanes.valid)]
        m.d.comb += [lanes.pixels.eq(read.data), lanes.blank.eq(blank), lanes.last.eq(last)]
        return m
