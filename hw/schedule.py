"""What the sequencers of a layer walk, in lockstep, once per block of columns."""

from dataclasses import dataclass

import numpy as np

from hw.balance import Programs, balance, leaves, order
from hw.taps import TapList


@dataclass(frozen=True)
class Pick:
    """One output on its way out: member `g` of its group, summed by two sequencers at most."""

    output: int
    g: int
    sequencers: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Schedule:
    """Contents of the schedule and weight memories of a layer: one entry a cycle.

    Parameters
    ----------
    row, column, channel : (N, R) int
        Tap of every sequencer: place in the kernel's extent, and input channel.
    idle : (N, R) bool
        The sequencer has no tap in this entry.
    last : (N, R) bool
        The tap is the last of its part: a sum is complete.
    group : (N, R) int
        List of which the entry walks a part; -1 where there is none.
    weight : (N, R, G) int
        Weights.
    ends : (N,) int
        Outputs of which the last sum is completed by the entry.
    picks : tuple of Pick
        Outputs in the order in which they leave.
    taps : int
        Entries that are surviving taps, over all sequencers.
    """

    row: np.ndarray
    column: np.ndarray
    channel: np.ndarray
    idle: np.ndarray
    last: np.ndarray
    group: np.ndarray
    weight: np.ndarray
    ends: np.ndarray
    picks: tuple[Pick, ...]
    taps: int

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def sequencers(self) -> int:
        """Sequencers, R."""
        return self.row.shape[1]

    @property
    def splits(self) -> bool:
        """Whether any output is summed by two sequencers."""
        return any(len(pick.sequencers) > 1 for pick in self.picks)

    @property
    def idles(self) -> bool:
        """Whether any sequencer is ever idle."""
        return bool(self.idle.any())


def schedule(
    lists: list[TapList], group: int, sequencers: int, *, splittable: bool = True
) -> Schedule:
    """Share lists among sequencers so that they all walk for the same number of cycles, or nearly.

    Whole lists are kept together where that balances; else a list may be split between two
    neighbouring sequencers, which then complete their sums at about the same time; `splittable`
    says whether parts may be added (maxima may not). An output without taps takes no entry: it
    leaves in a cycle in which no other does.
    """
    programs, length = balance(lists, sequencers, splittable=splittable)
    shape = (length, sequencers)
    row, column, channel = (np.zeros(shape, np.int64) for _ in range(3))
    idle, last, group_of = np.ones(shape, bool), np.zeros(shape, bool), np.full(shape, -1)
    weight = np.zeros((*shape, group), np.int64)
    for r, program in enumerate(programs):
        at = 0
        for part in program:
            taps, entries = lists[part.group], slice(at + part.idle, at + part.length)
            chosen = slice(part.start, part.stop)
            row[entries, r], column[entries, r] = taps.row[chosen], taps.column[chosen]
            channel[entries, r], idle[entries, r] = taps.channel[chosen], False
            weight[entries, r, : len(taps.outputs)] = taps.weight[chosen]
            group_of[at : at + part.length, r] = part.group
            at += part.length
            last[at - 1, r] = True
    picks, ends = _picks(lists, programs, length)
    taps = int((~idle).sum())
    return Schedule(row, column, channel, idle, last, group_of, weight, ends, picks, taps)


def _picks(
    lists: list[TapList], programs: Programs, length: int
) -> tuple[tuple[Pick, ...], np.ndarray]:
    """Order outputs as they leave, and count how many each entry completes."""
    sizes = [len(taps.outputs) for taps in lists]
    complete = order(programs)
    first = leaves(sizes, programs, length)
    busy = {(first[1, group] + g) % length for _, group, _ in complete for g in range(sizes[group])}
    gaps = iter([entry for entry in range(length) if (entry + 1) % length not in busy])
    found = [
        (at, Pick(output, g, sequencers))
        for at, group, sequencers in complete
        for g, output in enumerate(lists[group].outputs)
    ]
    found += [
        (next(gaps), Pick(output, 0, ()))
        for taps in lists
        if not len(taps)
        for output in taps.outputs
    ]
    found.sort(key=lambda item: item[0])
    ends = np.bincount([at for at, _ in found], minlength=length)
    return tuple(pick for _, pick in found), ends
