"""What the walk over a layer's taps is made of, counted as it is built."""

import numpy as np

from hw.area_counts import Counts, index_bits
from hw.coding import OffsetProgram, Program
from hw.families import Memory
from hw.kernel_coding import KernelProgram
from hw.layer_plan import LayerPlan
from hw.passes import with_end
from hw.rom import Rom
from hw.skipping_program import VIEWED, SkippingProgram


def walking(plan: LayerPlan) -> int:
    """Sequencers that have any tap."""
    return sum(bool(copy) for copy in plan.copies)


def multiplying(plan: LayerPlan) -> set[tuple[int, int]]:
    """Sequencers, each with the members of its groups whose sums ever leave."""
    if not plan.holds:
        return {(0, g) for g in range(plan.fold.G)}
    return {(r, pick.g) for pick in plan.schedule.picks for r in pick.sequencers}


class WalkCounts(Counts):
    """Counts of tap walkers, and of the sources of what they walk."""

    def walker(self, plan: LayerPlan) -> None:
        """Count a tap walker, and the delays of what it says."""
        stores, blocks = plan.stores, plan.columns.block
        address = index_bits(max(store.depth for store in stores))
        base, word = max(self.base_bits(store) for store in stores), plan.word_bits
        ends, bank = plan.most_ends.bit_length(), index_bits(plan.most_banks)
        for program in plan.coding.programs:
            self.taps(program)
        self.events(plan)
        self.counter(max(map(len, plan.passes)))
        self.counter(plan.queue_depth + 1)
        self.count(registers=(1 + plan.sum_latency) * ends, control=1)
        if plan.skipping:
            self.classes(plan)
        if plan.weighted:
            copies = len(plan.coding.programs) if plan.skipping else 1
            self.count(registers=2 * copies * index_bits(len(plan.schedule)))
        if blocks > 1:
            self.counter(blocks)
            for pitch in {store.words_per_column for store in stores}:
                self.counter(blocks * pitch)
        for r in self.sequencers(plan):
            others = len({index for index, _ in plan.banks[r]}) - 1
            self.count(
                registers=base + word + address + 3 * bank + 6,
                window_selects=(plan.extent[0] - 1) * (base + 1),
                selects=others * (base + word),
                adders=address + word * (blocks > 1),
            )

    def classes(self, plan: LayerPlan) -> None:
        """Count what chooses passes by the class of the row."""
        kinds, rows = index_bits(len(plan.passes)), len(plan.class_of)
        longest = index_bits(max(map(len, plan.passes)))
        self.counter(rows)
        self.count(decodes=2 * kinds * rows / 16, tables=longest, selects=kinds)

    def sequencers(self, plan: LayerPlan) -> list[int]:
        """Sequencers that walk by themselves: alike ones are one."""
        coding, found = plan.coding, {}
        for r, (number, place) in enumerate(coding.sources):
            program, key = coding.programs[number], (number, place)
            if isinstance(program, OffsetProgram):
                sources = program.taps.sources
                key = tuple(tuple(sources[f"{name}_{r}"]) for name in ("row", "offset", "blank"))
            if plan.copies[r]:
                found.setdefault((key, tuple(index for index, _ in plan.banks[r])), r)
        return list(found.values())

    def taps(self, program: Program) -> None:
        """Count a source of taps."""
        if isinstance(program, OffsetProgram):
            self.sequence(program.taps)
            self.count(control=1)
            return
        self.kernels(program)
        if isinstance(program, SkippingProgram):
            self.views(program)

    def views(self, program: SkippingProgram) -> None:
        """Count what chooses a class's view of the patterns, and which weight comes next."""
        fields, weight = program.patterns.fields, index_bits(program.length)
        chosen = sum(self.widest(fields, name) for name in VIEWED)
        self.count(
            selects=(len(program.outside) - 1) * chosen,
            adders=2 * weight,
            registers=2 * weight,
            control=2 + 2 * program.waits,
        )

    @staticmethod
    def widest(fields: dict[str, np.ndarray], name: str) -> int:
        """Bits of a field of patterns, the most of all classes."""
        found = [values for key, values in fields.items() if key.split("_")[0] == name]
        return max(int(values.max()).bit_length() for values in found)

    def kernels(self, program: KernelProgram | SkippingProgram) -> None:
        """Count a source of taps that are walks over kernels."""
        segments, patterns = program.segments.fields, program.patterns
        start, more = (int(segments[name].max()).bit_length() for name in ("start", "more"))
        place, local = index_bits(len(patterns)), index_bits(program.channels)
        self.sequence(program.segments)
        self.memory(Memory.of(patterns.contents, registered=False))
        word = self.widest(patterns.fields, "word")
        offset = max(word, local)
        counted = place + local + more
        self.count(
            counters=counted,
            selects=2 * place * (start > 0) + local + more,
            control=3 + counted,
            registers=start + self.said(program) + offset,
            adders=offset * (not program.disjoint),
        )

    def events(self, plan: LayerPlan) -> None:
        """Count a source of events."""
        rom, begin, passes = plan.events, plan.passes[plan.class_of[0]], len(plan.passes)
        first = int((begin.places if passes == 1 else with_end(begin))[0])
        longest = max(int(rom.fields["between"].max()), first)
        self.sequence(rom)
        if passes > 1:
            self.counter(len(plan.class_of))
            self.counter(plan.columns.block)
            ahead = index_bits(len(rom))
            self.count(tables=2 * ahead, selects=ahead, decodes=2 * len(plan.class_of) / 16)
        self.counter(longest + 1)
        said = ("ends", *(f"last_{r}" for r in range(plan.fold.R)))
        self.count(
            selects=index_bits(longest + 1),
            registers=self.varying(rom, *said),
            enables=plan.fold.R + plan.most_ends.bit_length(),
        )

    def sequence(self, rom: Rom) -> None:
        """Count a memory that is read word after word."""
        if rom.width:
            self.memory(Memory.of(rom.contents))
            self.counter(len(rom))
            self.count(control=1)

    def said(self, program: KernelProgram | SkippingProgram) -> int:
        """Bits of rows and blanks that are not constant."""
        if isinstance(program, KernelProgram):
            return self.varying(program.patterns, "row", "blank")
        return sum(self.widest(program.patterns.fields, name) for name in ("row", "blank"))

    def varying(self, rom: Rom, *fields: str) -> int:
        """Bits of some fields that are stored, those that are alike once."""
        return len({bit for field in fields for bit in rom.sources[field]} - {None})

    def weights(self, plan: LayerPlan) -> None:
        """Count the weight memories."""
        width = plan.conv.weight_bits
        for r in range(plan.fold.R):
            columns: list[np.ndarray] = list(plan.schedule.weight[:, r].T)
            self.memory(Memory.rom(*((column, width) for column in columns)))
