import numpy as np
import pytest

from hw.families import FAMILIES, Memory


def rom(depth: int, width: int) -> Memory:
    rng = np.random.default_rng(0)
    return Memory.rom((rng.integers(0, 1 << width, depth), width))


@pytest.mark.parametrize(
    ("family", "memory", "block_rams", "luts"),
    [
        # 1024 words of 18 bits fill a block of 18 kbit, and 4.5 blocks of 4 kbit.
        ("ecp5", Memory(1024, 18), 1, 0),
        ("xilinx7", Memory(1024, 18), 1, 0),
        ("gowin", Memory(1024, 18), 1, 0),
        ("ice40", Memory(1024, 18), 5, 0),
        # Every lane with an enable takes 9 bits of a word of 36.
        ("ecp5", Memory(500, 32, parts=4), 1, 0),
        ("ecp5", Memory(500, 40, parts=5), 2, 0),
        # One word more than 16 takes twice the LUTs; 32M and 64M are four LUTs.
        ("ecp5", Memory(16, 10, registered=False), 0, 12),
        ("ecp5", Memory(17, 10, registered=False), 0, 24),
        ("gowin", Memory(16, 10, registered=False), 0, 12),
        ("xilinx7", Memory(32, 12, registered=False), 0, 8),
        ("xilinx7", Memory(64, 12, registered=False), 0, 16),
        # Lanes do not share the four bits of a LUT memory.
        ("ecp5", Memory(16, 10, parts=2, registered=False), 0, 16),
        # Two blocks are as large as a block of 36 kbit.
        ("xilinx7", Memory(2048, 18), 2, 0),
    ],
)
def test_memories_are_mapped_as_data_sheets_say(family, memory, block_rams, luts):
    placed = FAMILIES[family].place(memory)
    assert (placed.block_rams, placed.luts) == (block_rams, luts)


def test_without_memory_of_luts_flip_flops_are_taken():
    placed = FAMILIES["ice40"].place(Memory(16, 10, registered=False))
    assert (placed.block_rams, placed.luts, placed.flip_flops) == (0, 0, 160)


def test_small_memories_that_are_only_read_become_logic():
    """A LUT holds 16 bits, 64 on Xilinx; a block RAM is worth 130 LUTs."""
    assert FAMILIES["ecp5"].place(rom(128, 16)).block_rams == 0
    assert FAMILIES["ecp5"].place(rom(256, 16)).block_rams == 1
    assert FAMILIES["xilinx7"].place(rom(256, 16)).block_rams == 0
    assert FAMILIES["xilinx7"].place(rom(600, 16)).block_rams == 1


def test_constant_bits_are_not_stored():
    values = np.array([0b1000, 0b1010, 0b1000, 0b1010])
    assert Memory.rom((values, 8)).width == 1


def test_look_ups_are_those_of_the_contents():
    """Alike and inverted bits are built once; so are alike tables of one bit."""
    pattern = np.array([1, 0, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0])
    other = np.roll(pattern, 1)
    assert Memory.rom((pattern, 1)).look_ups(16) == (1, 0)
    assert Memory.rom((pattern, 1), (1 - pattern, 1)).look_ups(16) == (1, 0)
    assert Memory.rom((pattern, 1), (other, 1)).look_ups(16) == (2, 0)
    assert Memory.rom((np.tile(pattern, 4), 1)).look_ups(16) == (1, 3)
    assert Memory.rom((np.concatenate([pattern, other]), 1)).look_ups(16) == (2, 1)
    assert Memory.rom((np.concatenate([pattern, other]), 1)).look_ups(64) == (1, 0)


@pytest.mark.parametrize(
    ("family", "factors", "cells"),
    [
        ("ecp5", (9, 8), 1),
        ("ecp5", (23, 17), 2),  # 18 and 5 bits
        ("ecp5", (19, 17), 1),  # what is left is one bit: logic
        ("ecp5", (20, 20), 4),
        ("ice40", (9, 8), 1),
        ("ice40", (6, 4), 0),  # a product of 10 bits
        ("ice40hx", (9, 8), 0),
        ("xilinx7", (23, 17), 1),
        ("xilinx7", (5, 3), 0),  # a product of 8 bits
        ("gowin", (9, 8), 0.5),
        ("gowin", (9, 3), 0),
        ("gowin", (17, 16), 1),
    ],
)
def test_products_take_cells(family, factors, cells):
    first, second = factors
    product = FAMILIES[family].multiply(first, second, first + second)
    assert product.cells == cells
    assert bool(product.logic) == (cells == 0 or factors == (19, 17))
    assert product == FAMILIES[family].multiply(second, first, first + second)


def test_a_highest_bit_of_zero_takes_no_piece_of_its_own():
    """Of 17 bits, a cell of iCE40 takes 16."""
    ice40 = FAMILIES["ice40"]
    assert ice40.multiply(16, 17, 33).sums == 33
    assert ice40.multiply(16, 17, 33, unsigned=True) == ice40.multiply(16, 16, 32)
    assert ice40.multiply(17, 17, 34, unsigned=True).sums > 0
