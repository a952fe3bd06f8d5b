"""One layer in hardware: beats in, beats out."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hw.layer_plan import LayerPlan
from hw.parts.beats import beats, element
from hw.parts.gather import Gather
from hw.parts.lanes import Maximum, MultiplyAdd
from hw.parts.output_queue import OutputQueue
from hw.parts.requantise import Requantise
from hw.parts.row_manager import RowManager
from hw.parts.tap_walker import TapWalker
from hw.parts.writer import Writer
from hw.timing import ACCUMULATE, MULTIPLY, READ


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
        m.submodules.writer = writer = Writer(plan.store)
        m.submodules.row_manager = rows = RowManager(plan.store)
        m.submodules.tap_walker = walker = TapWalker(plan)
        m.submodules.gather = gather = Gather(plan)
        m.submodules.output_queue = queue = OutputQueue(plan)
        wiring.connect(m, wiring.flipped(self.i), writer.i)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        m.d.comb += [
            rows.row_done.eq(writer.row_done),
            writer.release.eq(rows.release),
            walker.window.eq(rows.active),
            walker.window_valid.eq(rows.valid),
            rows.row_end.eq(walker.row_end),
            walker.left.eq(queue.left),
            gather.ends.eq(_later(m, walker.ends, READ + MULTIPLY * plan.is_conv + ACCUMULATE - 1)),
        ]

        blank = _later(m, walker.blank, 1, init=-1)
        last = _later(m, walker.last, 1)
        for r in range(plan.fold.R):
            if plan.is_conv:
                lanes = MultiplyAdd(plan)
                if plan.weighted:
                    m.d.comb += lanes.weights.eq(self._weights(m, r, walker))
            else:
                lanes = Maximum(plan)
            m.submodules[f"lanes_{r}"] = lanes
            m.d.comb += [
                lanes.pixels.eq(self._row_buffer(m, r, writer, walker)),
                lanes.blank.eq(blank[r]),
                lanes.last.eq(last[r]),
                gather.holds[r].eq(lanes.holds),
            ]

        if not plan.is_conv:
            m.d.comb += [queue.results.eq(gather.sums), queue.valid.eq(gather.valid)]
            return m
        m.submodules.requantise = requantise = Requantise(plan)
        m.d.comb += [
            requantise.sums.eq(gather.sums),
            requantise.valid.eq(gather.valid),
            queue.results.eq(requantise.results),
            queue.valid.eq(requantise.done),
        ]
        return m

    def _row_buffer(self, m: Module, r: int, writer: Writer, walker: TapWalker) -> Value:
        """Pixels that a sequencer reads from its copy of the row buffer.

        Columns outside the picture are never written: they keep the neutral element for good.
        """
        plan = self.plan
        shape = data.ArrayLayout(element(plan.source), plan.fold.P)
        neutral = 0 if plan.is_conv else plan.source.low
        init = [shape.const([neutral] * plan.fold.P)] * plan.store.depth if neutral else []
        m.submodules[f"row_buffer_{r}"] = memory = Memory(
            shape=shape, depth=plan.store.depth, init=init
        )
        write, read = memory.write_port(granularity=1), memory.read_port()
        m.d.comb += [
            write.addr.eq(writer.address[r]),
            write.data.eq(writer.data),
            write.en.eq(writer.enable[r]),
            read.addr.eq(walker.address[r]),
        ]
        return Value.cast(read.data)

    def _weights(self, m: Module, r: int, walker: TapWalker) -> Value:
        """Weights of the tap that a sequencer walks."""
        plan = self.plan
        shape = data.ArrayLayout(signed(plan.conv.weight_bits), plan.fold.G)
        init = [shape.const(weights) for weights in plan.schedule.weight[:, r].tolist()]
        m.submodules[f"weights_{r}"] = memory = Memory(shape=shape, depth=len(init), init=init)
        read = memory.read_port()
        m.d.comb += read.addr.eq(walker.tap[r])
        return Value.cast(read.data)


def _later(m: Module, signal: Signal, cycles: int, init: int = 0) -> Signal:
    """Delay a signal by some cycles."""
    for _ in range(cycles):
        later = Signal.like(signal, init=init)
        m.d.sync += later.eq(signal)
        signal = later
    return signal
