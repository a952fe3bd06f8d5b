"""Passes over all lists, and the entries in which they complete sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from hw.rom import Rom
from hw.schedule import Schedule


@dataclass(frozen=True, eq=False)
class Pass:
    """One walk of all lists.

    Parameters
    ----------
    group : (N, R) int
        List of which the sequencer completes a sum with the entry; -1 if none.
    ends : (N,) int
        Outputs of which the last sum is completed by the entry.
    """

    group: np.ndarray
    ends: np.ndarray

    @staticmethod
    def whole(walked: Schedule) -> "Pass":
        """Make the pass that walks all of a schedule."""
        return Pass(np.where(walked.last, walked.group, -1), walked.ends)

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def places(self) -> np.ndarray:
        """Entries that complete sums, or behind which outputs without taps leave."""
        return np.flatnonzero((self.group >= 0).any(axis=1) | (self.ends > 0))

    def events(self, places: np.ndarray, between: np.ndarray) -> dict[str, np.ndarray]:
        """Describe some entries.

        How many entries lie before it and behind the one before (``between``), which sequencers'
        sums it completes (``last_r``), and of how many outputs it completes the last (``ends``).
        """
        last = (self.group[places] >= 0).astype(int)
        fields = {f"last_{r}": last[:, r] for r in range(last.shape[1])}
        return {"between": between, "ends": self.ends[places], **fields}


def events(passes: tuple[Pass, ...]) -> Rom:
    """Encode the entries that complete sums.

    Of one pass the second of them is the first word, and so around and around. Of several, those of
    one pass come after those of the other, and the last entry of each is always among them.
    """
    if len(passes) == 1:
        (made,) = passes
        places = made.places
        between = np.diff(places, append=places[0] + len(made)) - 1
        return Rom.cyclic(made.events(np.roll(places, -1), between))
    each = [
        made.events(places, np.diff(places, prepend=-1) - 1)
        for made, places in zip(passes, map(with_end, passes), strict=True)
    ]
    return Rom({name: np.concatenate([fields[name] for fields in each]) for name in each[0]})


def with_end(made: Pass) -> np.ndarray:
    """Entries of a pass that complete sums, and the last one."""
    return np.union1d(made.places, len(made) - 1)


def turns(class_of: Sequence[int], blocks: int, most: int) -> list[int]:
    """Classes of a picture's passes, one after the other, no more than `most` of a class in a row.

    Every row of a class is walked once for each block of columns.
    """
    runs = ((index, len(list(run)) * blocks) for index, run in groupby(class_of))
    return [index for index, many in runs for _ in range(min(many, most))]


def most_exits(passes: Sequence[Pass], class_of: Sequence[int], blocks: int, cycles: int) -> int:
    """Count the exits completed in any so many cycles in a row, at most."""
    most = 2 + cycles // min(map(len, passes))  # passes into which the cycles reach
    picture = turns(class_of, blocks, most)
    cyclic = np.concatenate([passes[index].ends for index in picture * (1 + most)])
    sums = np.cumsum(np.concatenate([[0], cyclic]))
    return int((sums[cycles:] - sums[:-cycles]).max())
