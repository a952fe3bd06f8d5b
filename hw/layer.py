"""One layer in hardware: beats in, beats out."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hw.cells.portable import Portable, cells
from hw.contents import contents
from hw.layer_plan import LayerPlan
from hw.parts.beats import beats
from hw.parts.gather import Gather
from hw.parts.lanes import Maximum, MultiplyAdd
from hw.parts.load import Load, LoadInterface, pass_on
from hw.parts.output_queue import OutputQueue
from hw.parts.requantise import Requantise
from hw.parts.row_manager import RowManager
from hw.parts.steps import delayed
from hw.parts.tap_walker import TapWalker
from hw.parts.writer import Writer
from hw.store import Bank


class LayerEngine(wiring.Component):
    """Engine of one layer: row buffers, a walker of its surviving taps, lanes, and a drain.

    Parameters
    ----------
    plan : LayerPlan

    Members
    -------
    i : In(beats), one for each link
        Activations, in rows.
    o : Out(beats)
        Results, in rows.
    load : In(Load)
        Where the plan has room for it, writes to the memories of `hw.contents`.
    """

    o: stream.Interface
    load: LoadInterface

    def __init__(self, plan: LayerPlan) -> None:
        self.plan, self.contents = plan, contents(plan)
        super().__init__(
            {
                **{f"i_{index}": In(beats(link)) for index, link in enumerate(plan.links)},
                "o": Out(beats(plan.link)),
                **({"load": In(Load(self.contents))} if self.contents else {}),
            }
        )

    @property
    def inlets(self) -> list[stream.Interface]:
        """The streams that come in, by link."""
        return [getattr(self, f"i_{index}") for index in range(len(self.plan.links))]

    def elaborate(self, platform):
        m = Module()
        plan, made_of = self.plan, cells(platform)
        assert made_of.stages == plan.stages
        m.submodules.row_manager = rows = RowManager(plan.stores)
        m.submodules.tap_walker = walker = TapWalker(plan)
        m.submodules.gather = gather = Gather(plan)
        m.submodules.output_queue = queue = OutputQueue(plan)
        writers = []
        for index, (store, inlet) in enumerate(zip(plan.stores, self.inlets, strict=True)):
            m.submodules[f"writer_{index}"] = writer = Writer(store)
            wiring.connect(m, wiring.flipped(inlet), writer.i)
            m.d.comb += [
                rows.row_done[index].eq(writer.row_done),
                writer.release.eq(rows.release),
            ]
            writers.append(writer)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        m.d.comb += [
            walker.window.eq(rows.active),
            walker.window_valid.eq(rows.valid),
            rows.row_end.eq(walker.row_end),
            walker.left.eq(queue.left),
            gather.ends.eq(delayed(m, walker.ends, plan.sum_latency - 1)),
        ]

        blank = delayed(m, walker.blank, plan.stages.read - 1, init=-1)
        last = delayed(m, walker.last, plan.stages.read - 1)
        for r in range(plan.fold.R):
            if plan.is_conv:
                lanes = MultiplyAdd(plan, r)
                if plan.weighted:
                    m.d.comb += lanes.weights.eq(self._weights(m, made_of, r, walker))
            else:
                lanes = Maximum(plan)
            m.submodules[f"lanes_{r}"] = lanes
            m.d.comb += [
                lanes.pixels.eq(self._row_buffer(m, made_of, r, writers, walker)),
                lanes.blank.eq(blank[r]),
                lanes.last.eq(last[r]),
                gather.holds[r].eq(lanes.holds),
            ]

        if not plan.is_conv:
            m.d.comb += [queue.results.eq(gather.sums), queue.valid.eq(gather.valid)]
            return m
        m.submodules.requantise = requantise = Requantise(plan)
        if self.contents:
            pass_on(m, self.load, len(self.contents) - 1, requantise.load)
        m.d.comb += [
            requantise.sums.eq(gather.sums),
            requantise.valid.eq(gather.valid),
            queue.results.eq(requantise.results),
            queue.valid.eq(requantise.done),
        ]
        return m

    def _row_buffer(
        self, m: Module, made_of: Portable, r: int, writers: list[Writer], walker: TapWalker
    ) -> Value:
        """Pixels that a sequencer reads from its copy of the row buffer, from the tap's bank."""
        pixels = [
            self._bank(
                m, made_of, bank, writers[index], walker.address[r], f"row_buffer_{r}_{number}"
            )
            for number, (index, bank) in enumerate(self.plan.banks[r])
        ]
        if len(pixels) <= 1:
            return pixels[0] if pixels else Const(0)
        which = delayed(m, walker.bank[r], made_of.stages.read - 1, f"bank_{r}")
        return Array(pixels)[which]

    def _bank(
        self, m: Module, made_of: Portable, bank: Bank, writer: Writer, address: Value, name: str
    ) -> Value:
        """Read a bank of the row buffer."""
        plan, store = self.plan, writer.store
        port = store.banks.index(bank)
        write = writer.address[port], writer.data[bank.stream], writer.enable[port]
        neutral = 0 if plan.is_conv else plan.source.low
        return made_of.row_buffer(m, name, store.depth, neutral, write, address)

    def _weights(self, m: Module, made_of: Portable, r: int, walker: TapWalker) -> Value:
        """Weights of the tap that a sequencer walks."""
        plan = self.plan
        if self.contents:
            memory = self.contents[r]
            write = self.load.port(r, memory)
            return made_of.loadable(m, f"weights_{r}", memory, walker.tap[r], write)
        shape = data.ArrayLayout(signed(plan.conv.weight_bits), plan.fold.G)
        words = [shape.const(weights).as_bits() for weights in plan.schedule.weight[:, r].tolist()]
        return made_of.rom(m, f"weights_{r}", shape.size, words, walker.tap[r])
