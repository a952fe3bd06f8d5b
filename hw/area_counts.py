"""What is counted of an accelerator: bits by kind of logic, and what all layers have."""

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import replace

from hw.families import Family, Memory
from hw.link import Link
from hw.store import Store


def index_bits(length: int) -> int:
    """Width of an index into something."""
    return (length - 1).bit_length()


def carrying(link: Link) -> int:
    """Streams of a link that ever carry anything: of others, the pixels are not built."""
    return sum(max(stream) >= 0 for stream in link.streams)


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

    def take(self) -> dict[str, float]:
        """Return what has been counted since it was last taken."""
        counts, self.counts = self.counts, defaultdict(float)
        return counts

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
        if not memory.parts and memory.registered and not placed.block_rams:
            self.count(outputs=copies * memory.distinct)

    def products(
        self, number: int, first: int, second: int, width: int, *, unsigned: bool = False
    ) -> bool:
        """Count products (`Family.multiply`); return whether they take multiplier cells."""
        product = self.family.multiply(first, second, width, unsigned=unsigned)
        self.count(
            dsp_cells=number * product.cells,
            sums=number * product.sums,
            products=number * product.logic,
        )
        return product.cells > 0

    def writer(self, store: Store, read: Set[int]) -> None:
        """Count a writer, of the lanes that are read."""
        bits, lanes, address = store.link.activation.bits, len(read), index_bits(store.depth)
        block, streams = store.link.columns.block, len({bank.stream for bank in store.banks})
        writes = [write for steps in store.writes for write in steps]
        steps = max(len(steps) for steps in store.writes)
        sources = [{s for w in writes for lane, s in w.sources if lane == p} for p in read]
        held = len(set().union(*sources)) + lanes
        self.count(
            registers=index_bits(block) + streams * held * bits,
            control=4 + index_bits(store.rows.ring + 1) + self.base_bits(store),
            selects=streams * sum(max(len(found) - 1, 0) for found in sources) * bits,
            decodes=len(writes) * (1 + len({len(w.sources) for w in writes})),
        )
        self.count(counters=2 * address, adders=address)
        self.counter(steps)
        self.counter(store.link.row_beats)
        for _, channels in {(bank.stream, bank.channels) for bank in store.banks}:
            part = channels != tuple(range(store.link.activation.shape[0]))
            self.count(
                adders=2 * address,
                registers=2 * address + lanes + 1,
                decodes=len(channels) * part,
                enables=lanes,
            )
        if not all(store.rows.stored[store.rows.top :][: store.rows.height]):
            self.counter(store.rows.height)

    def rows(self, stores: Sequence[Store]) -> None:
        """Count a row manager: places that are the same in several stores are kept once."""
        rows = stores[0].rows
        heads = {(store.rows.ring, store.row_words): self.base_bits(store) for store in stores}
        rings = [store.rows.ring for store in stores]
        counted = sum(index_bits(ring + 1) for ring in (*rings, max(rings)))
        self.count(
            window=2 * rows.extent * (sum(heads.values()) + 1),
            control=1 + counted,
            counters=counted,
        )
        for length in (
            rows.total,
            rows.outputs,
            *(1 << base for base in heads.values()),
            max(rows.first_pushes, rows.stride) + 1,
        ):
            self.counter(length)
        self.count(decodes=rows.total / 16)

    def base_bits(self, store: Store) -> int:
        """Bits of a row's first word that are not always zero."""
        even = (store.row_words & -store.row_words).bit_length() - 1
        return max(index_bits(store.depth) - even, 1)

    def row_buffers(self, store: Store, read: Set[int], *, ordered: bool = False) -> None:
        """Count the banks of a row buffer, of the lanes that are read.

        Where reading what is being written is emulated, the last write of each bank is kept, and
        what it wrote, and both are compared with what is read.
        """
        banks = store.banks
        written = {lane for steps in store.writes for write in steps for lane, _ in write.sources}
        lanes = max(len(written & read), 1)  # others have no column of the picture
        memory = Memory(
            store.depth, lanes * store.link.activation.bits, parts=lanes, ordered=ordered
        )
        self.memory(memory, len(banks))
        if self.family.place(memory).emulated:
            ports = {(bank.stream, bank.channels) for bank in banks}
            streams = {bank.stream for bank in banks}
            kept = len(ports) * (index_bits(store.depth) + lanes) + len(banks) * lanes
            self.count(
                registers=2 * len(streams) * memory.width + kept,
                compared=len(banks) * index_bits(store.depth),
            )

    def pixels(self, link: Link, depth: int, lanes: int, *, held: bool) -> None:
        """Count a queue of the pixels of beats, of so many lanes that are read.

        Where one writer alone holds them, block RAM does so if that is cheaper.
        """
        width = carrying(link) * lanes * link.activation.bits
        memory = Memory(depth, width)
        if held and self.family.place(memory).block_rams:
            self.count(registers=-width)
        else:
            memory = replace(memory, registered=False)
        self.memory(memory)
        for _ in range(2):  # where to write, and where to read
            self.counter(depth)
        self.count(control=2)

    def fifo(self, link: Link, depth: int, lanes: int) -> None:
        """Count a queue of beats, of so many lanes that are read."""
        unread = len(link.streams) * link.columns.lanes - carrying(link) * lanes
        width = link.beat_bits - unread * link.activation.bits
        self.memory(Memory(depth, width, registered=False))
        for _ in range(3):  # where to write, where to read, and how many there are
            self.counter(depth)
