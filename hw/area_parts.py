"""What the parts of an accelerator are made of, counted from its plans as they are built."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from hw.area_counts import carrying, index_bits
from hw.area_walk import WalkCounts, multiplying, walking
from hw.columns import Columns
from hw.families import Family, Memory
from hw.layer_plan import LayerPlan
from hw.layers import Input
from hw.outputs import Output
from hw.plan import AddPlan, Plan
from hw.timing import SINK_ROWS, SOURCE_ROWS


def lanes_read(
    plans: tuple[Plan, ...], outputs: tuple[Output, ...], family: Family
) -> dict[str, set[int]]:
    """Lanes of every layer that are built: of a ragged row, the last ones may not be read.

    One of which a bit lies in a cell of the output queue with others is built, read or not.
    """
    read: defaultdict[str, set[int]] = defaultdict(set)
    for output in outputs:
        read[output.layer] = set(range(output.link.columns.lanes))
    for plan in reversed(plans):
        read[plan.name] |= _with_others(plan, read[plan.name], family)
        for store in (plan.store,) if isinstance(plan, AddPlan) else plan.stores:
            read[store.link.name] |= {
                source
                for steps in store.writes
                for write in steps
                for lane, source in write.sources
                if lane in read[plan.name]
            }
        if isinstance(plan, AddPlan):
            read[plan.inputs[0]] |= read[plan.name]
    return read


def _with_others(plan: Plan, read: set[int], family: Family) -> set[int]:
    """Lanes whose pixels share a cell of the output queue with something that is read."""
    link, lanes = plan.link, plan.columns.lanes
    bits, column, channel, width = link.activation.bits, 0, 0, link.pixel_bits
    if isinstance(plan, AddPlan):  # whose queue holds places, too
        column = index_bits(link.columns.block)
        channel = index_bits(link.activation.shape[0] + link.gaps)
        width = link.beat_bits
    word = family.place(Memory(plan.queue_depth, width, registered=False)).word
    one = [-1] * channel + [lane for lane in range(lanes) for _ in range(bits)]
    owners = [-1] * column + one * len(link.streams)
    cells = [set(owners[k : k + word]) for k in range(0, len(owners), word)]
    return set().union(*(cell for cell in cells if cell & {-1, *read})) - {-1}


class Parts(WalkCounts):
    """Counts of an accelerator's parts.

    Parameters
    ----------
    family : Family
    plans : tuple of LayerPlan or AddPlan
    outputs : tuple of Output
    """

    def __init__(
        self, family: Family, plans: tuple[Plan, ...], outputs: tuple[Output, ...]
    ) -> None:
        super().__init__(family)
        self.read = lanes_read(plans, outputs, family)
        self.taken = Counter(name for plan in plans for name in plan.inputs)
        self.taken.update(output.layer for output in outputs)
        writers = {name for plan in plans if isinstance(plan, LayerPlan) for name in plan.inputs}
        self.held = {name for name in writers if self.taken[name] == 1}

    def lanes_of(self, plan: Plan) -> int:
        """Lanes of a layer that are built, because they are read."""
        return len(self.read[plan.name])

    def lanes_fed(self, plan: LayerPlan) -> int:
        """Those of them that do not always have the same sum.

        One without a column always has the neutral element, which only a multiplier cell hides.
        """
        writes = [w for store in plan.stores for steps in store.writes for w in steps]
        fed = {lane for write in writes for lane, _ in write.sources}
        return self.lanes_of(plan) if plan.multipliers else len(fed & self.read[plan.name])

    def layer(self, plan: LayerPlan) -> None:
        """Count a layer's engine."""
        self.count(layers=1)
        for store in plan.stores:
            self.writer(store, self.read[plan.name])
            self.row_buffers(store, self.read[plan.name])
        self.rows(plan.stores)
        self.walker(plan)
        for banks in plan.banks:
            self.count(selects=max(len(banks) - 1, 0) * self.lanes_of(plan) * plan.source.bits)
        if plan.is_conv:
            self.lanes(plan)
        else:
            self.maxima(plan)
        self.gather(plan)
        if plan.is_conv:
            self.requantise(plan)
        self.queue(plan)
        self.fork(plan.name)

    def lanes(self, plan: LayerPlan) -> None:
        """Count multiply-adds and their weights."""
        fold, bits, total = plan.fold, plan.source.bits, plan.sum_bits
        used = multiplying(plan)
        stages = sum(
            max(g for r, g in used if r == one) // fold.E + 1 for one in {r for r, _ in used}
        )
        lanes = self.lanes_fed(plan)
        pairs, width, cells = lanes * len(used), bits, False
        if plan.weighted:
            weight = plan.conv.weight_bits
            width += weight
            self.weights(plan)
            self.count(delays=weight * sum(g // fold.E + 1 for _, g in used))
            cells = self.products(pairs, bits + (not plan.source.signed), weight, width)
        kept = stages * lanes * bits + pairs * (width + total)
        self.count(
            **{"cell_registers" if cells else "registers": kept},
            **{"cell_sums" if cells else "logic_sums": pairs * total},
        )
        self.count(registers=pairs * total, control=2 * stages + 2 * walking(plan))

    def maxima(self, plan: LayerPlan) -> None:
        """Count comparisons."""
        sequencers = walking(plan)
        bits = self.lanes_fed(plan) * sequencers * plan.source.bits
        self.count(maxima=bits, registers=3 * bits, control=3 * sequencers)

    def gather(self, plan: LayerPlan) -> None:
        """Count the gathering of sums."""
        fold, walked = plan.fold, plan.schedule
        lanes, sides = self.lanes_fed(plan) * plan.sum_bits, 1 + walked.splits
        self.counter(len(walked.exits) + 1)
        self.count(control=2)
        for leaving in zip(*walked.exits, strict=True):
            if not any(leaving):
                continue
            inputs = fold.G
            if plan.holds:
                inputs = len({(r, pick.g) for pick in leaving if pick for r in pick.sequencers})
                self.count(registers=lanes * inputs, enables=inputs)
            self.count(registers=sides * lanes, ors=lanes * max(inputs - sides, 0) / 3)
            if walked.splits:
                self.count(adders=lanes, registers=lanes)
        if plan.holds:
            self.memory(Memory.rom(*self.picks(plan)))
            self.counter(len(walked.exits))

    def picks(self, plan: LayerPlan) -> Iterator[tuple[np.ndarray, int]]:
        """Which sums leave: of each stream its sequencers, and the place in the group."""
        for leaving in zip(*plan.schedule.exits, strict=True):
            sequencers = [pick.sequencers if pick else () for pick in leaving]
            for r in range(plan.fold.R):
                yield np.array([r in each for each in sequencers]), 1
            yield np.array([pick.g if pick else 0 for pick in leaving]), index_bits(plan.fold.G)

    def requantise(self, plan: LayerPlan) -> None:
        """Count a requantiser."""
        lanes = self.lanes_of(plan) * carrying(plan.link)
        width, shift, multipliers = 0, 0, ()
        if plan.conv.shift is not None:
            width, shift, multipliers = plan.requantiser
        biased = plan.biased_bits
        columns = []
        for outputs in plan.schedule.streams:
            bias = np.array([plan.biases[o] if o >= 0 else 0 for o in outputs])
            columns.append((bias, plan.bias_bits))
            if width:
                scale = np.array([multipliers[o] if o >= 0 else 0 for o in outputs])
                columns.append((scale, width))
        self.memory(Memory.rom(*columns))
        self.counter(len(plan.schedule.exits))
        self.count(adders=lanes * biased, control=2)
        if width:
            bits, apart = plan.operand[0], plan.apart
            cells = self.products(lanes, bits - apart, width, bits - apart + width)
            if apart:
                self.products(lanes, apart, width, apart + width)
            kept = bits + width - (apart or max(shift - 1, 0))  # bits below are not looked at
            rounded = lanes * (kept + 1)
            self.count(
                **{"scaled" if cells else "registers": lanes * (biased + kept)},
                **{"cell_sums" if cells else "adders": rounded},
            )
            self.count(registers=width * carrying(plan.link))
        else:
            self.count(registers=lanes * (biased - shift))
        if shift:
            left = plan.operand[0] + width if width else biased
            above = max(left - shift - plan.result.bits, 1)
            self.count(saturates=lanes * above / 2, registers=2 * lanes * plan.result.bits)

    def queue(self, plan: LayerPlan) -> None:
        """Count an output queue."""
        streams, channels = plan.schedule.streams, plan.result.shape[0]
        self.counter(len(plan.schedule.exits))
        self.counter(plan.columns.block)
        if streams != (tuple(range(channels)),):
            width = index_bits(channels + plan.link.gaps)
            order = (np.array([channels if o < 0 else o for o in outputs]) for outputs in streams)
            self.memory(Memory.rom(*((outputs, width) for outputs in order)))
        held = plan.name in self.held
        self.pixels(plan.link, plan.queue_depth, self.lanes_of(plan), held=held)

    def add(self, plan: AddPlan) -> None:
        """Count a residual add."""
        store, result, link = plan.store, plan.result, plan.link
        streams, block = len(link.streams), plan.columns.block
        lanes, address = streams * self.lanes_of(plan), index_bits(store.depth)
        self.count(layers=1)
        self.writer(store, self.read[plan.name])
        self.rows((store,))
        self.row_buffers(store, self.read[plan.name], ordered=True)
        self.counter(plan.queue_depth + 1)
        self.counter(link.row_beats)
        places = streams * index_bits(result.shape[0] + link.gaps) + index_bits(block)
        self.count(
            adders=2 * address * streams,
            registers=address * streams + 2 * lanes * plan.links[0].activation.bits + 5 * places,
            control=7,
            tables=index_bits(store.row_words) * (block > 1),
        )
        for e, stream in enumerate(link.streams):
            banks = sum(bank.copy == e for bank in store.banks)
            lacks = any(plan.taken[c] < 0 for c in stream if c >= 0)
            width = self.lanes_of(plan) * store.link.activation.bits
            self.count(
                decodes=len(stream) * (lacks or banks > 1 or len(stream) < result.shape[0]),
                selects=width * (max(banks - 1, 0) + lacks),
                registers=2 * (index_bits(max(banks, 1)) + lacks),
            )
        self.sum_of_two(plan, lanes)
        self.fifo(link, plan.queue_depth, self.lanes_of(plan))
        self.fork(plan.name)

    def sum_of_two(self, plan: AddPlan, lanes: int) -> None:
        """Count the arithmetic of a residual add."""
        widths, inside = [], False
        for source, multiplier in zip(plan.links, plan.multipliers, strict=True):
            bits, signed = source.activation.bits, source.activation.signed
            widths.append(bits + multiplier.bit_length())
            odd = multiplier // max(multiplier & -multiplier, 1)
            factor, width = odd.bit_length(), bits + odd.bit_length()
            cells = odd > 1 and self.products(lanes, bits, factor + signed, width)
            self.count(**{"scaled" if cells else "registers": lanes * widths[-1]})
            inside |= cells
        total, result = max(widths) + 2, plan.result.bits
        left = max(total - plan.layer.shift, 1)
        self.count(
            **{"cell_sums" if inside else "adders": 2 * lanes * total},
            **{"scaled" if inside else "registers": lanes * left},
        )
        above = max(left - result, 1)
        self.count(registers=2 * lanes * result, saturates=lanes * above / 2)

    def source(self, picture: Input, columns: Columns) -> None:
        """Count the source."""
        (channels, height, width), bits = picture.shape, picture.bits
        lanes, block = columns.lanes, columns.block
        for length in (height, width, channels, block):
            self.counter(length)
        self.count(control=4, selects=lanes * bits * (channels - 1))
        if lanes == 1:
            self.count(registers=channels * bits + index_bits(width))
        else:
            word = lanes * channels * bits
            self.memory(Memory(SOURCE_ROWS * block, word, parts=lanes, registered=False))
            self.counter(lanes)
            self.counter(block)
        if any(picture.offset):
            self.count(adders=lanes * (bits + 1))
        self.fork(picture.name)

    def sink(self, output: Output) -> None:
        """Count the sink: a memory whose words are pixels or, for a vector, one a stream."""
        if output.in_order:
            return
        link = output.link
        (channels, height, width), bits = link.activation.shape, link.activation.bits
        lanes, streams = link.columns.lanes, len(link.streams)
        vector = (height, width) == (1, 1)
        if vector:
            banks, words, left = 1, channels, streams
            self.memory(Memory(SINK_ROWS * words, bits, registered=False), streams)
            self.count(registers=bits, decodes=streams * channels / 4)
        else:
            banks, words, left = channels, link.columns.block, lanes
            whole = lanes == 1  # a word is all that leaves: its register is the memory's
            shape = SINK_ROWS * words, banks * lanes * bits
            self.memory(Memory(*shape, parts=banks, registered=whole, resets=whole))
            self.count(registers=banks * bits * (not whole), decodes=channels)
        length = channels if vector else width
        for size in (link.row_beats, lanes, words, length, height):
            self.counter(size)
        self.count(control=6, selects=banks * bits * (left - 1))

    def fork(self, name: str) -> None:
        """Count the fork behind the input or a layer, if several take its beats."""
        if self.taken[name] > 1:
            self.count(control=self.taken[name], enables=3 * self.taken[name])
