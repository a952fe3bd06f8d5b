"""When the sums of a layer's outputs leave their registers, and in which order."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise


@dataclass(frozen=True)
class Part:
    """Taps ``start .. stop - 1`` of a list, walked by one sequencer; idle entries before them."""

    group: int
    start: int
    stop: int
    idle: int = 0

    @property
    def length(self) -> int:
        """Entries, idle ones included."""
        return self.idle + self.stop - self.start


Programs = list[list[Part]]


@dataclass(frozen=True)
class Exit:
    """Groups that leave together, once the entry `at` has completed the last of their sums.

    Parameters
    ----------
    at : int
    groups : tuple of (int, tuple of int)
        Every group, and the sequencers that have summed it.
    slots : int
        Cycles that their outputs take to leave.
    """

    at: int
    groups: tuple[tuple[int, tuple[int, ...]], ...]
    slots: int


@dataclass(frozen=True, eq=False)
class Drain:
    """Order and times in which sums leave, `streams` of them a cycle.

    Parameters
    ----------
    sizes : list of int
        Outputs of every group.
    programs : Programs
    length : int
        Entries of a pass.
    streams : int
        Outputs that leave in one cycle at most. Those of a group run one behind the other, so many
        abreast.
    together : bool
        Whether groups that are complete one after the other leave in one cycle, where they fit.
    """

    sizes: list[int]
    programs: Programs
    length: int
    streams: int = 1
    together: bool = False

    @cached_property
    def exits(self) -> tuple[Exit, ...]:
        """Groups ordered by when their last sums are complete."""
        complete: dict[int, list[tuple[int, int]]] = {}
        for r, found in enumerate(self._ends):
            for at, group in found:
                complete.setdefault(group, []).append((at, r))
        alone = sorted(
            (max(at for at, _ in parts), group, tuple(sorted(r for _, r in parts)))
            for group, parts in complete.items()
        )
        exits: list[Exit] = []
        for at, group, sequencers in alone:
            size, groups = self.sizes[group], ((group, sequencers),)
            if self.together and exits:
                before = exits[-1].groups
                if size + sum(self.sizes[g] for g, _ in before) <= self.streams:
                    exits[-1] = Exit(at, before + groups, 1)
                    continue
            exits.append(Exit(at, groups, -(-size // self.streams)))
        return tuple(exits)

    @property
    def slots(self) -> int:
        """Cycles of a pass in which outputs leave, those without taps included."""
        return max(
            sum(leaving.slots for leaving in self.exits), -(-sum(self.sizes) // self.streams)
        )

    @cached_property
    def leaves(self) -> tuple[tuple[int, ...], ...]:
        """Cycle in which each exit begins to leave, in two successive passes.

        A pass is followed by the next without a pause, which is the worst case: a pause only delays
        the next sums.
        """
        free, turns = 0, []
        for turn in range(2):
            first = []
            for leaving in self.exits:
                first.append(max(free, leaving.at + 1 + turn * self.length))
                free = first[-1] + leaving.slots
            turns.append(tuple(first))
        return tuple(turns)

    @property
    def holds(self) -> bool:
        """Whether every sum leaves before the next one of its sequencer takes its register."""
        first = {
            (turn, group): at
            for turn, times in enumerate(self.leaves)
            for at, leaving in zip(times, self.exits, strict=True)
            for group, _ in leaving.groups
        }
        for found in self._ends:
            steps = [
                (at + turn * self.length, turn, group) for turn in range(3) for at, group in found
            ]
            for (_, turn, group), (next_at, *_) in pairwise(steps):
                if turn < 2 and first[turn, group] > next_at:
                    return False
        return True

    @cached_property
    def _ends(self) -> list[list[tuple[int, int]]]:
        """Per sequencer, the entry that ends each part, and its group."""
        ends = []
        for program in self.programs:
            at, found = -1, []
            for part in program:
                at += part.length
                found.append((at, part.group))
            ends.append(found)
        return ends
