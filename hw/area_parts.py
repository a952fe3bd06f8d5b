"""What the parts of an accelerator are made of, counted from its plans as they are built."""

from collections.abc import Iterable

import numpy as np

from hw.area_counts import Counts, index_bits
from hw.arithmetic import signed_bits
from hw.columns import Columns
from hw.families import Memory
from hw.layer_plan import LayerPlan
from hw.layers import Input
from hw.plan import AddPlan, Plan
from hw.timing import ACCUMULATE, MULTIPLY, READ, SINK_ROWS, SOURCE_ROWS


def sum_bits(plan: LayerPlan) -> int:
    """Width of a sum of products, exactly as wide as the weights require."""
    if not plan.is_conv:
        return plan.source.bits
    weight, source = plan.conv.weight.reshape(len(plan.conv.weight), -1), plan.source
    up, down = weight.clip(min=0).sum(1), weight.clip(max=0).sum(1)
    low = min(0, int((up * source.low + down * source.high).min()))
    high = max(0, int((up * source.high + down * source.low).max()))
    return signed_bits(low, high)


def walking(plan: LayerPlan) -> int:
    """Sequencers that have any tap."""
    return sum(bool(copy) for copy in plan.copies)


class Parts(Counts):
    """Counts of an accelerator's parts."""

    def layer(self, plan: LayerPlan) -> None:
        """Count a layer's engine."""
        self.count(layers=1)
        self.writer(plan.store)
        self.rows(plan.store)
        self.walker(plan)
        self.row_buffers(plan.store)
        if plan.is_conv:
            self.lanes(plan)
        else:
            self.maxima(plan)
        self.gather(plan)
        if plan.is_conv:
            self.requantise(plan)
        self.queue(plan)

    def walker(self, plan: LayerPlan) -> None:
        """Count a tap walker, its schedule and the delays of what it says."""
        store, entries = plan.store, len(plan.schedule)
        base, address = self.base_bits(store), index_bits(store.depth)
        offset, blocks = index_bits(store.row_words), plan.columns.block
        ends = plan.most_ends.bit_length()
        stages = READ + MULTIPLY * plan.is_conv + ACCUMULATE - 1
        sequencers = self.sequencers(plan)
        self.memory(self.schedule(plan))
        index = index_bits(entries)
        self.counter(entries)
        self.counter(plan.queue_depth + 1)
        self.count(registers=3 * index + (2 + stages) * ends, control=2)
        if blocks > 1:
            self.counter(blocks)
            self.counter(blocks * store.words_per_column)
        self.count(
            registers=sequencers * (base + offset + address + 6),
            window_selects=sequencers * (plan.extent[0] - 1) * (base + 1),
            adders=sequencers * (address + offset * (blocks > 1)),
        )

    def sequencers(self, plan: LayerPlan) -> int:
        """Sequencers that walk by themselves: where the schedule is logic, alike ones are one."""
        if self.family.place(self.schedule(plan)).block_rams:
            return walking(plan)
        walked = plan.schedule
        entries = np.stack([walked.row, plan.offsets, walked.last, walked.idle], axis=-1)
        return len({entries[:, r].tobytes() for r, copy in enumerate(plan.copies) if copy})

    def schedule(self, plan: LayerPlan) -> Memory:
        """Schedule memory of a tap walker."""
        walked, extent = plan.schedule, plan.extent[0]
        columns: list[tuple[np.ndarray, int]] = [(walked.ends, plan.most_ends.bit_length())]
        for r in range(plan.fold.R):
            columns += [
                (walked.row[:, r], index_bits(extent)),
                (plan.offsets[:, r], index_bits(plan.store.row_words)),
                (walked.last[:, r], 1),
                (walked.idle[:, r], 1),
            ]
        return Memory.rom(*columns)

    def lanes(self, plan: LayerPlan) -> None:
        """Count multiply-adds and their weights."""
        fold, bits, total = plan.fold, plan.source.bits, sum_bits(plan)
        sequencers = walking(plan)
        pairs, width, cells = fold.P * fold.G * sequencers, bits, False
        if plan.weighted:
            weight = plan.conv.weight_bits
            width += weight
            for r in range(fold.R):
                columns = plan.schedule.weight[:, r].T
                self.memory(Memory.rom(*((column, weight) for column in columns)))
            self.count(delays=sequencers * weight * fold.G * (fold.G + 1) / 2)
            cells = self.products(pairs, bits + (not plan.source.signed), weight, width)
        kept = sequencers * fold.G * fold.P * bits + pairs * (width + total)
        self.count(
            **{"cell_registers" if cells else "registers": kept},
            **{"cell_sums" if cells else "logic_sums": pairs * total},
        )
        self.count(registers=pairs * total, control=sequencers * (2 * fold.G + 2))

    def maxima(self, plan: LayerPlan) -> None:
        """Count comparisons."""
        sequencers = walking(plan)
        bits = plan.fold.P * sequencers * plan.source.bits
        self.count(maxima=bits, registers=3 * bits, control=3 * sequencers)

    def gather(self, plan: LayerPlan) -> None:
        """Count the gathering of sums."""
        fold, walked, bits = plan.fold, plan.schedule, sum_bits(plan)
        lanes, inputs = fold.P * bits, fold.G * walking(plan)
        self.counter(len(walked.picks) + 1)
        self.count(control=2)
        if fold.R > 1:
            self.count(registers=lanes * inputs, enables=inputs)
            mask = np.array([sum(1 << r for r in pick.sequencers) for pick in walked.picks])
            g = np.array([pick.g for pick in walked.picks])
            self.memory(Memory.rom((mask, fold.R), (g, index_bits(fold.G))))
            self.counter(len(walked.picks))
        sides = 2 if walked.splits else 1
        self.count(registers=sides * lanes, ors=lanes * (inputs - sides) / 3)
        if walked.splits:
            self.count(adders=lanes, registers=lanes)

    def requantise(self, plan: LayerPlan) -> None:
        """Count a requantiser."""
        lanes, picks = plan.fold.P, [pick.output for pick in plan.schedule.picks]
        width, shift, multipliers = 0, 0, ()
        if plan.conv.shift is not None:
            width, shift, multipliers = plan.requantiser
        biased = max(sum_bits(plan), plan.bias_bits) + 1
        columns = [(np.array([plan.biases[o] for o in picks]), plan.bias_bits)]
        if width:
            columns.append((np.array([multipliers[o] for o in picks]), width))
        self.memory(Memory.rom(*columns))
        self.counter(len(picks))
        self.count(adders=lanes * biased, control=2)
        if width:
            cells = self.products(lanes, biased, width + 1, biased + width)
            kept = biased + width - max(shift - 1, 0)  # bits below are not looked at
            rounded = lanes * (biased + width + 1 - shift)
            self.count(
                **{"scaled" if cells else "registers": lanes * (biased + kept)},
                **{"cell_sums" if cells else "adders": rounded},
            )
            self.count(registers=width)
        else:
            self.count(registers=lanes * (biased - shift))
        if shift:
            left, result = max(biased + width + bool(width) - shift, 1), plan.result.bits
            self.count(saturates=lanes * (left + result), registers=lanes * result)

    def queue(self, plan: LayerPlan) -> None:
        """Count an output queue."""
        order = [pick.output for pick in plan.schedule.picks]
        self.counter(len(order))
        self.counter(plan.columns.block)
        if order != sorted(order):
            self.memory(Memory.rom((np.array(order), index_bits(len(order)))))
        self.fifo(plan.result, plan.columns, plan.queue_depth)

    def add(self, plan: AddPlan) -> None:
        """Count a residual add."""
        store, lanes, address = plan.store, plan.columns.lanes, index_bits(plan.store.depth)
        result = plan.result
        self.count(layers=1)
        self.scaled_index(plan.columns.block, store.words_per_column)
        self.writer(store)
        self.rows(store)
        self.row_buffers(store)
        self.counter(plan.queue_depth + 1)
        self.counter(result.shape[0] * plan.columns.block)
        places = index_bits(result.shape[0]) + index_bits(plan.columns.block)
        self.count(
            adders=2 * address,
            registers=address + 2 * lanes * plan.formats[0].bits + 5 * places,
            control=7,
        )
        widths, inside = [], False
        for source, multiplier in zip(plan.formats, plan.multipliers, strict=True):
            widths.append(source.bits + multiplier.bit_length())
            odd = multiplier // max(multiplier & -multiplier, 1)
            factor, width = odd.bit_length(), source.bits + odd.bit_length()
            cells = odd > 1 and self.products(lanes, source.bits, factor + source.signed, width)
            self.count(**{"scaled" if cells else "registers": lanes * widths[-1]})
            inside |= cells
        total = max(widths) + 2
        left = max(total - plan.layer.shift, 1)
        self.count(
            **{"cell_sums" if inside else "adders": 2 * lanes * total},
            **{"scaled" if inside else "registers": lanes * left},
        )
        self.count(registers=lanes * result.bits, saturates=lanes * (left + result.bits))
        self.fifo(result, plan.columns, plan.queue_depth)

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

    def sink(self, plan: Plan) -> None:
        """Count the sink."""
        (channels, height, width), bits = plan.result.shape, plan.result.bits
        if plan.in_order:
            return
        vector = (height, width) == (1, 1)
        banks, words = (1, channels) if vector else (channels, plan.columns.block)
        lanes = plan.columns.lanes
        word = banks * lanes * bits
        whole = lanes == 1  # a word is all that leaves: its register is the memory's
        self.memory(Memory(SINK_ROWS * words, word, parts=banks, registered=whole, resets=whole))
        for length in (channels * plan.columns.block, lanes, words, max(width, channels), height):
            self.counter(length)
        self.count(registers=banks * bits * (not whole), control=6)
        self.count(selects=banks * bits * (lanes - 1))

    def forks(self, names: Iterable[str], plans: tuple[Plan, ...]) -> None:
        """Count the forks behind the layers of some names."""
        for name in names:
            consumers = sum(plan.inputs.count(name) for plan in plans)
            if consumers > 1:
                self.count(control=consumers, enables=3 * consumers)
