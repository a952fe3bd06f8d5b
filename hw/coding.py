"""Coding of what the sequencers of a layer walk: the cheapest of those that there are."""

from dataclasses import dataclass

import numpy as np

from hw.kernel_coding import KernelProgram
from hw.rom import LUT_BITS, Rom
from hw.skipping_program import SkippingProgram
from hw.walk import Taps, Walk


@dataclass(frozen=True, eq=False)
class OffsetProgram:
    """Row and offset of every tap: one word an entry, for all sequencers.

    Parameters
    ----------
    taps : Rom
        ``row_r``, ``offset_r``, ``blank_r`` of sequencer `r`.
    sequencers : int
        Sequencers, R.
    """

    taps: Rom
    sequencers: int

    @staticmethod
    def encode(walk: Walk) -> "OffsetProgram":
        """Encode a walk."""
        fields = {}
        for r in range(walk.sequencers):
            fields[f"row_{r}"] = np.where(walk.idle[:, r], 0, walk.row[:, r])
            fields[f"offset_{r}"] = np.where(walk.idle[:, r], 0, walk.offset[:, r])
            fields[f"blank_{r}"] = walk.blank[:, r].astype(int)
        return OffsetProgram(Rom.cyclic(fields), walk.sequencers)

    @property
    def bits(self) -> int:
        """Bits of its memory."""
        return self.taps.bits

    @property
    def luts(self) -> int:
        """LUT4s, roughly, beside its memory: a counter."""
        return 2 * (len(self.taps) - 1).bit_length()

    def decode(self, length: int) -> Taps:
        """Taps of so many entries."""

        def column(name: str) -> np.ndarray:
            each = [self.taps.fields[f"{name}_{r}"] for r in range(self.sequencers)]
            return np.tile(np.stack(each, axis=1), (length // len(self.taps), 1))

        return Taps(column("row"), column("offset"), column("blank").astype(bool))


Program = OffsetProgram | KernelProgram | SkippingProgram


@dataclass(frozen=True, eq=False)
class Coding:
    """How the taps of a layer are stored.

    Parameters
    ----------
    name : str
        ``offset`` or ``kernel``.
    programs : tuple of Program
        One for all sequencers, or one for all that walk alike.
    sources : tuple of (int, int)
        Of each sequencer, its program, and its place among those of the program.
    """

    name: str
    programs: tuple[Program, ...]
    sources: tuple[tuple[int, int], ...]

    @property
    def bits(self) -> int:
        """Bits of all memories."""
        return sum(program.bits for program in self.programs)

    @property
    def luts(self) -> float:
        """LUT4s, roughly, if its memories are made of LUTs, too."""
        return self.bits / LUT_BITS + sum(program.luts for program in self.programs)

    def decode(self, length: int) -> Taps:
        """Taps of all sequencers, for so many entries."""
        found = [program.decode(length) for program in self.programs]

        def column(name: str) -> np.ndarray:
            each = [getattr(found[program], name)[:, place] for program, place in self.sources]
            return np.stack(each, axis=1)

        return Taps(column("row"), column("offset"), column("blank"))


def encode(walk: Walk) -> Coding:
    """Choose the coding of a layer that costs the fewest LUTs, memories made of LUTs, too."""
    return min(by_offset(walk), by_kernel(walk), key=lambda coding: coding.luts)


def by_offset(walk: Walk) -> Coding:
    """Store every tap."""
    sources = tuple((0, r) for r in range(walk.sequencers))
    return Coding("offset", (OffsetProgram.encode(walk),), sources)


def by_kernel(walk: Walk) -> Coding:
    """Store walks over kernels; sequencers that walk alike share them."""
    found = distinct(walk)
    programs = tuple(KernelProgram.encode(walk, shared[0]) for shared in found)
    program_of = {r: index for index, shared in enumerate(found) for r in shared}
    return Coding("kernel", programs, tuple((program_of[r], 0) for r in range(walk.sequencers)))


def distinct(walk: Walk) -> list[list[int]]:
    """Sequencers that walk alike, together."""
    walked = np.stack([walk.row, walk.offset, walk.idle, walk.last])
    found: dict[bytes, list[int]] = {}
    for r in range(walk.sequencers):
        found.setdefault(walked[:, :, r].tobytes(), []).append(r)
    return list(found.values())
