"""Families of FPGAs: memories and multipliers, and how Yosys makes use of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Memory:
    """A memory of a design.

    Parameters
    ----------
    depth, width : int
        Words, and bits of a word.
    parts : int
        Equal parts of a word, each with a write enable of its own; 0 for a memory that is only
        read.
    registered : bool
        Whether a read takes a cycle.
    resets : bool
        Whether what was read is reset.
    contents : (depth, bits) bool, optional
        Of a memory that is only read; `width` is then what is left of constant bits.
    ordered : bool
        Whether a read of what is being written must give what was there before.
    """

    depth: int
    width: int
    parts: int = 1
    registered: bool = True
    resets: bool = False
    contents: np.ndarray | None = None
    ordered: bool = True

    @staticmethod
    def rom(*columns: tuple[np.ndarray, int]) -> "Memory":
        """Memory of integers (depth,), each with its width in bits, side by side."""
        bits = [
            (np.asarray(values, np.int64)[:, None] >> np.arange(width)) & 1
            for values, width in columns
        ]
        return Memory.of(np.concatenate(bits, axis=1))

    @staticmethod
    def of(bits: np.ndarray, *, registered: bool = True) -> "Memory":
        """Memory of bits (depth, width); those that never vary are not stored."""
        contents = bits.astype(bool)
        contents = contents[:, (contents != contents[0]).any(axis=0)]
        return Memory(*contents.shape, parts=0, registered=registered, contents=contents)

    @cached_property
    def distinct(self) -> int:
        """Bits of a word that are not like another one, or its inverse, in all of the contents."""
        return len(self._columns)

    @cached_property
    def _columns(self) -> np.ndarray:
        """Contents of distinct bits (bits, words), each with the first word false."""
        if self.contents is None or not self.width:
            return np.zeros((0, self.depth), bool)
        columns = (self.contents ^ self.contents[0]).T
        packed = np.packbits(columns, axis=1)
        first = {row.tobytes(): index for index, row in enumerate(packed)}
        return columns[sorted(first.values())]

    def look_ups(self, words: int) -> tuple[int, int]:
        """Tables of some words that hold the contents, and selections of a bit between them.

        Alike tables are built once, inverted ones too.
        """
        columns, blocks = self._columns, -(-self.depth // words)
        tables = np.zeros((len(columns), blocks * words), bool)
        tables[:, : self.depth] = columns
        tables = tables.reshape(-1, words)
        packed = np.packbits(tables ^ tables[:, :1], axis=1)
        distinct = {row.tobytes() for row in packed if row.any()}
        return len(distinct), (blocks - 1) * len(columns)


@dataclass(frozen=True)
class Ram:
    """A memory cell as Yosys' library describes it.

    Parameters
    ----------
    block : bool
        Whether it is a block RAM; else it is made of LUTs.
    address_bits : int
        Of the narrowest word.
    widths : tuple of int
        Widths of a word, each with one address bit less than the one before.
    cost : float
        What Yosys compares.
    units : int
        Block RAMs, or LUTs, of a cell.
    byte : int
        Bits that share a write enable, if a word is not narrower.
    scale : float
        Part of the cost that shrinks with the bits in use.
    emulated : bool
        Whether reading what is being written is emulated.
    resets : bool
        Whether what was read can be reset.
    """

    block: bool
    address_bits: int
    widths: tuple[int, ...]
    cost: float
    units: int
    byte: int = 9
    scale: float = 0.0
    emulated: bool = False
    resets: bool = True


@dataclass(frozen=True)
class Mapped:
    """A memory as cells.

    Parameters
    ----------
    block_rams, luts, flip_flops : int
        Cells.
    selects, writes : int
        Bits selected between cells on the way out; write enables to be decoded.
    emulated : int
        Bits of a word whose reading while it is written is emulated.
    tables, table_selects : int
        Of memories in logic that are only read (`Memory.look_ups`).
    word : int
        Bits of a cell's word.
    """

    block_rams: int = 0
    luts: int = 0
    flip_flops: int = 0
    selects: int = 0
    writes: int = 0
    emulated: int = 0
    tables: int = 0
    table_selects: int = 0
    word: int = 1


@dataclass(frozen=True)
class Multiplier:
    """A rule of when a product takes a multiplier cell.

    Parameters
    ----------
    most, least : (int, int)
        Widths of the wider and the narrower factor.
    slice : (int, int)
        Bits of either that one cell takes, where a factor is wider than a cell.
    product : int
        Least width of the product.
    worth : float
        What a cell counts.
    """

    most: tuple[int, int]
    least: tuple[int, int]
    slice: tuple[int, int]
    product: int = 0
    worth: float = 1.0


@dataclass(frozen=True)
class Product:
    """A product as cells: what its cells count, bits of sums of its parts, bit products in LUTs."""

    cells: float = 0.0
    sums: int = 0
    logic: int = 0


@dataclass(frozen=True)
class Family:
    """A family of parts.

    Parameters
    ----------
    name : str
    rams : tuple of Ram
    multipliers : tuple of Multiplier
        Rules, the first that fits is taken.
    table : int
        Bits that a LUT holds.
    """

    name: str
    rams: tuple[Ram, ...]
    multipliers: tuple[Multiplier, ...] = ()
    table: int = 16

    def place(self, memory: Memory) -> Mapped:
        """Place a memory as Yosys' `memory_libmap` does: in the cells that cost least."""
        bits = memory.depth * memory.width
        least: float = bits if memory.parts else bits // self.table
        best = None
        for ram in self.rams:
            if ram.block and not memory.registered:
                continue
            if not ram.block and not memory.parts:
                continue
            for index in range(len(ram.widths)):
                cost, mapped = _in_cells(memory, ram, index)
                if cost < least:
                    least, best = cost, mapped
        return best or _logic(memory, self.table)

    def multiply(self, first: int, second: int, width: int, *, unsigned: bool = False) -> Product:
        """Take a product, of two factors, of some widths, as Yosys' `mul2dsp` does.

        `unsigned` says that the highest bit of the second factor is always zero.
        """
        wide, narrow = max(first, second), min(first, second)
        for rule in self.multipliers:
            if wide < rule.least[0] or narrow < rule.least[1] or width < rule.product:
                continue
            for factor, other, side in ((wide, narrow, 0), (narrow, wide, 1)):
                if factor > rule.most[side]:
                    count = -(-(factor - rule.most[side]) // rule.slice[side])
                    piece, rest = rule.slice[side], factor - count * rule.slice[side]
                    pieces = [self.multiply(piece, other, piece + other)] * count
                    if unsigned and factor == second and count == rest == 1:
                        return pieces[0]  # the other piece is zero
                    pieces.append(self.multiply(rest, other, rest + other))
                    return Product(
                        sum(piece.cells for piece in pieces),
                        sum(piece.sums for piece in pieces) + count * width,
                        sum(piece.logic for piece in pieces),
                    )
            return Product(rule.worth)
        return Product(logic=wide * narrow)


def _logic(memory: Memory, table: int) -> Mapped:
    if memory.parts:
        bits = memory.depth * memory.width
        return Mapped(
            flip_flops=bits,
            selects=bits - memory.width,
            writes=memory.depth * memory.parts,
        )
    tables, selects = memory.look_ups(table)
    return Mapped(tables=tables, table_selects=selects)


def _in_cells(memory: Memory, ram: Ram, index: int) -> tuple[float, Mapped]:
    """Cost, as Yosys reckons it, and cells of a memory whose words are cut to one of a RAM's."""
    width = ram.widths[index]
    byte = min(ram.byte or width, width) if memory.parts else 1
    part = memory.width // max(memory.parts, 1)
    padded = -(-part // byte) * byte * max(memory.parts, 1)
    stacked = -(-memory.depth // (1 << (ram.address_bits - index)))
    cells = -(-stacked * padded // width)
    selects, writes = (stacked - 1) * memory.width, stacked * memory.parts * (stacked > 1)
    emulated = ram.emulated and ram.block and memory.parts > 0 and memory.ordered
    cost = (ram.cost - ram.scale) * cells + ram.scale * stacked * memory.width / width
    emulations = 1 + 6 * emulated + 4 * (memory.resets and not ram.resets and ram.block)
    cost += selects / 2 + writes / 2 + 2 * emulations
    counted = {"block_rams" if ram.block else "luts": cells * ram.units}
    return cost, Mapped(
        **counted,
        selects=selects,
        writes=writes,
        emulated=memory.width * emulated,
        flip_flops=memory.width * (memory.registered and not ram.block),
        word=width,
    )


_ECP5 = (
    Ram(False, 4, (4,), 4, 4, byte=0),
    Ram(True, 14, (1, 2, 4, 9, 18, 36), 128, 1, emulated=True),
)
_GOWIN = (
    Ram(False, 4, (4,), 4, 4, byte=0, scale=4),
    Ram(True, 14, (1, 2, 4, 9, 18, 36), 128, 1, emulated=True),
)
_XILINX7 = (
    Ram(False, 5, (6,), 8, 4, byte=0, scale=7),
    Ram(False, 6, (3,), 8, 4, byte=0, scale=7),
    Ram(True, 14, (1, 2, 4, 9, 18, 36), 129, 1),
    Ram(True, 15, (1, 2, 4, 9, 18, 36, 72), 257, 2),
    Ram(True, 16, (1, 2, 4, 9), 513, 4),
)
_ICE40 = (Ram(True, 11, (2, 4, 8, 16), 64, 1, byte=1, emulated=True, resets=False),)

FAMILIES = {
    family.name: family
    for family in (
        Family("ecp5", _ECP5, (Multiplier((18, 18), (2, 2), (18, 18)),)),
        Family("ice40", _ICE40, (Multiplier((16, 16), (2, 2), (16, 16), 11),)),
        Family("ice40hx", _ICE40),
        Family("xilinx7", _XILINX7, (Multiplier((25, 18), (2, 2), (17, 17), 9),), 64),
        Family(
            "gowin",
            _GOWIN,
            (
                Multiplier((18, 18), (10, 4), (18, 18)),
                Multiplier((9, 9), (4, 4), (9, 9), worth=0.5),
            ),
        ),
    )
}
