"""Skipping of taps in rows outside the picture: shorter passes for the rows at its edge."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from hw.coding import Coding
from hw.fold import MULTIPLIER_LUTS, Fold
from hw.kernel_coding import KernelProgram
from hw.passes import Pass, turns
from hw.rom import LUT_BITS
from hw.rows import Rows
from hw.schedule import Schedule
from hw.skipping_program import SkippingProgram

LEAST_SAVED = 1 / 50  # of a layer's cycles
# LUT4s, roughly: of what tells the rows apart, and of each program's views of its patterns and what
# counts the places of its weights.
_ROWS_LUTS, _PROGRAM_LUTS = 40, 45
LEAST_ENTRIES = 3  # of a pass, so that a source of taps is never two passes ahead


@dataclass(frozen=True, eq=False)
class Skipping:
    """What is walked where taps in rows outside the picture are skipped.

    Parameters
    ----------
    outside : tuple of frozenset of int
        For each class, the rows of the window that are outside.
    class_of : tuple of int
        Class of every row of the result.
    passes : tuple of Pass
        What is walked once per block of columns, in every class.
    coding : Coding
        What is stored.
    """

    outside: tuple[frozenset[int], ...]
    class_of: tuple[int, ...]
    passes: tuple[Pass, ...]
    coding: Coding

    @property
    def entries(self) -> int:
        """Entries of one pass in every row of the result."""
        return sum(len(self.passes[index]) for index in self.class_of)


def least_saved(fold: Fold, programs: int = 1, bits: int = 0) -> float:
    """Part of a layer's cycles that skipping must save: no smaller than that of its price.

    It takes so many programs, and more bits of memory.
    """
    luts = replace(fold, E=1).luts  # more streams are no reason to skip
    price = luts + MULTIPLIER_LUTS * fold.multipliers
    more = _ROWS_LUTS + _PROGRAM_LUTS * programs + bits / LUT_BITS
    return max(LEAST_SAVED, more / price)


def skip(
    walked: Schedule, coding: Coding, rows: Rows, lists: Sequence[Sequence[int]], blocks: int
) -> Skipping | None:
    """Skip taps in rows outside the picture, if all sums still leave in their order, and in time.

    Parameters
    ----------
    walked : Schedule
        What is walked where all rows are inside.
    coding : Coding
        Its coding, by kernel.
    rows : Rows
        Rows under the window.
    lists : sequence of sequence of int
        Outputs of every list.
    blocks : int
        Blocks of columns.
    """
    outside = tuple(dict.fromkeys(rows.outside))
    class_of = tuple(outside.index(found) for found in rows.outside)
    if len(outside) == 1 or not all(pick.sequencers for pick in walked.picks):
        return None
    programs = []
    for program in coding.programs:
        if not isinstance(program, KernelProgram):
            return None
        programs.append(SkippingProgram(program, outside, len(walked), waits=False))
    group_of = {output: group for group, outputs in enumerate(lists) for output in outputs}
    groups = [[group_of[pick.output] for pick in leaving if pick] for leaving in walked.exits]
    sources, passes, lengths = [program for program, _ in coding.sources], [], []
    for index in range(len(outside)):
        last_entry = [np.cumsum(program.counts(index)) - 1 for program in programs]
        lengths.append([int(entries[-1]) + 1 for entries in last_entry])
        length = max(*lengths[-1], len(walked.exits), LEAST_ENTRIES)
        done = np.full((length, walked.sequencers), -1)
        complete: dict[int, int] = {}
        for entry, r in np.argwhere(walked.last).tolist():
            program, group = sources[r], int(walked.group[entry, r])
            at = int(last_entry[program][programs[program].walk_of(entry)])
            done[at, r], complete[group] = group, max(at, complete.get(group, 0))
        ready = [max(complete[group] for group in leaving) for leaving in groups]
        times = np.maximum.accumulate(ready)  # in their order
        passes.append(Pass(done, np.bincount(times, minlength=length)))
    waits = [
        any(each[p] < len(made) for each, made in zip(lengths, passes, strict=True))
        for p in range(len(programs))
    ]
    made = [replace(program, waits=w) for program, w in zip(programs, waits, strict=True)]
    found = Skipping(outside, class_of, tuple(passes), replace(coding, programs=tuple(made)))
    return found if _drains(walked, found, groups, blocks) else None


def _drains(walked: Schedule, found: Skipping, groups: list[list[int]], blocks: int) -> bool:
    """Whether every sum leaves before the next one of its sequencer, over a picture and more.

    Where nothing holds it, with one sequencer and one stream, a sum leaves at once.
    """
    free = start = 0
    leaves: dict[tuple[int, int], int] = {}
    held: list[list[tuple[int, int, int]]] = [[] for _ in range(walked.sequencers)]
    for turn, index in enumerate(turns(found.class_of * 2, blocks, 3)):
        made = found.passes[index]
        for at, r in np.argwhere(made.group >= 0).tolist():
            held[r].append((start + at, turn, int(made.group[at, r])))
        for at, leaving in zip(np.repeat(np.arange(len(made)), made.ends), groups, strict=True):
            free = max(free, start + int(at) + 1)
            for group in leaving:
                leaves.setdefault((turn, group), free)
            free += 1
        start += len(made)
    if walked.sequencers == len(walked.streams) == 1:
        return all(leaves[turn, group] == at + 1 for at, turn, group in held[0])
    return all(
        leaves[turn, group] <= following
        for parts in held
        for (_, turn, group), (following, *_) in pairwise(parts)
    )
