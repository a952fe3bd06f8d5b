"""What is counted of an accelerator: bits by kind of logic, and what all layers have."""

from collections import defaultdict

from hw.columns import Columns
from hw.families import Family, Memory
from hw.layers import Activation
from hw.store import Store


def index_bits(length: int) -> int:
    """Width of an index into something."""
    return (length - 1).bit_length()


class Counts:
    """Counts of parts, in a family's memories and multipliers.

    Attributes
    ----------
    counts : dict of str to float, zero for what there is none of
        Bits of every kind of logic and register; cells by `dsp_cells`, `block_rams` and `luts`.
    """

    def __init__(self, family: Family) -> None:
        self.family = family
        self.counts: defaultdict[str, float] = defaultdict(float)

    def count(self, **bits: float) -> None:
        """Add bits of some kinds."""
        for kind, number in bits.items():
            self.counts[kind] += number

    def counter(self, length: int) -> None:
        """Count a counter around some length."""
        self.count(counters=index_bits(length), control=index_bits(length))

    def memory(self, memory: Memory, copies: int = 1) -> None:
        """Place a memory."""
        placed = self.family.place(memory)
        flops = placed.flip_flops if memory.parts else 0
        self.count(
            block_rams=copies * placed.block_rams,
            luts=copies * placed.luts,
            flip_flops=copies * flops,
            memory_selects=copies * placed.selects,
            memory_writes=copies * placed.writes,
            emulated=copies * placed.emulated,
            tables=copies * placed.tables,
            table_selects=copies * placed.table_selects,
        )
        if not memory.parts and not placed.block_rams:
            self.count(outputs=copies * memory.distinct)

    def products(self, number: int, first: int, second: int, width: int) -> bool:
        """Count products; return whether they take multiplier cells."""
        product = self.family.multiply(first, second, width)
        self.count(
            dsp_cells=number * product.cells,
            sums=number * product.sums,
            products=number * product.logic,
        )
        return product.cells > 0

    def scaled_index(self, length: int, factor: int) -> None:
        """Count the product of an index into something with a constant factor."""
        if factor & (factor - 1):
            index, bits = index_bits(length), factor.bit_length()
            self.products(1, index, bits, index + bits)

    def writer(self, store: Store) -> None:
        """Count a writer."""
        bits, lanes, address = store.source.bits, store.lanes, index_bits(store.depth)
        writes = [write for steps in store.writes for write in steps]
        steps = max(len(steps) for steps in store.writes)
        sources = [{s for w in writes for lane, s in w.sources if lane == p} for p in range(lanes)]
        distinct = {copy for copy in store.copies if copy}
        self.scaled_index(store.segments.words, store.words_per_column)
        channel = index_bits(store.channels)
        self.count(
            registers=channel + index_bits(store.producer.block) + store.producer.lanes * bits,
            control=4 + index_bits(store.rows.ring + 1) + self.base_bits(store),
            selects=sum(max(len(found) - 1, 0) for found in sources) * bits,
            decodes=len(writes) * (1 + len({len(w.sources) for w in writes})),
        )
        self.count(registers=lanes * bits, counters=2 * address, adders=address)
        self.counter(steps)
        self.counter(store.channels * store.producer.block)
        for copy in distinct:
            part = copy != tuple(range(store.channels))
            self.count(
                adders=2 * address,
                registers=2 * address + lanes + 1,
                decodes=len(copy) * part,
                enables=lanes,
            )
        if not all(store.rows.stored[store.rows.top :][: store.rows.height]):
            self.counter(store.rows.height)

    def rows(self, store: Store) -> None:
        """Count a row manager."""
        rows = store.rows
        base = self.base_bits(store)
        self.count(
            window=2 * rows.extent * (base + 1),
            control=1 + 2 * index_bits(rows.ring + 1),
            counters=2 * index_bits(rows.ring + 1),
        )
        for length in (
            rows.total,
            rows.outputs,
            1 << base,
            max(rows.first_pushes, rows.stride) + 1,
        ):
            self.counter(length)
        self.count(decodes=rows.total / 16)

    def base_bits(self, store: Store) -> int:
        """Bits of a row's first word that are not always zero."""
        even = (store.row_words & -store.row_words).bit_length() - 1
        return max(index_bits(store.depth) - even, 1)

    def row_buffers(self, store: Store) -> None:
        """Count the copies of a row buffer.

        Where reading what is being written is emulated, the last write of each copy is kept, and
        what it wrote, and both are compared with what is read.
        """
        copies = [copy for copy in store.copies if copy]
        written = {lane for steps in store.writes for write in steps for lane, _ in write.sources}
        lanes = max(len(written), 1)  # others have no column of the picture
        memory = Memory(store.depth, lanes * store.source.bits, parts=lanes)
        self.memory(memory, len(copies))
        if self.family.place(memory).emulated:
            kept = len(set(copies)) * (index_bits(store.depth) + lanes)
            kept += len(copies) * lanes
            self.count(
                registers=2 * memory.width + kept, compared=len(copies) * index_bits(store.depth)
            )

    def fifo(self, result: Activation, columns: Columns, depth: int) -> None:
        """Count a queue of beats."""
        places = index_bits(result.shape[0]) + index_bits(columns.block)
        width = columns.lanes * result.bits + places
        self.memory(Memory(depth, width, registered=False))
        for _ in range(3):  # where to write, where to read, and how many there are
            self.counter(depth)
