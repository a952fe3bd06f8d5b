"""What the sequencers of a layer walk, in lockstep, once per block of columns."""

from dataclasses import dataclass

import numpy as np

from hw.balance import balance
from hw.drain import Drain
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
        Exits, of `E` outputs each, of which the last sum is completed by the entry.
    exits : tuple of tuple of Pick
        Outputs that leave in one cycle, by stream, in the order in which they leave; None where a
        stream carries none.
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
    exits: tuple[tuple[Pick | None, ...], ...]
    taps: int

    def __len__(self) -> int:
        return len(self.ends)

    @property
    def sequencers(self) -> int:
        """Sequencers, R."""
        return self.row.shape[1]

    @property
    def picks(self) -> tuple[Pick, ...]:
        """Outputs in the order in which they leave."""
        return tuple(pick for leaving in self.exits for pick in leaving if pick)

    @property
    def streams(self) -> tuple[tuple[int, ...], ...]:
        """Outputs of every stream in the order in which they leave, -1 for none: `hw.link.Link`."""
        outputs = ((pick.output if pick else -1 for pick in leaving) for leaving in self.exits)
        return tuple(zip(*outputs, strict=True))

    @property
    def in_order(self) -> bool:
        """Whether outputs leave one by one, in their order."""
        return self.streams == (tuple(range(len(self.picks))),)

    @property
    def splits(self) -> bool:
        """Whether any output is summed by two sequencers."""
        return any(len(pick.sequencers) > 1 for pick in self.picks)


def schedule(
    lists: list[TapList],
    group: int,
    sequencers: int,
    *,
    splittable: bool = True,
    streams: int = 1,
    order: int = 0,
) -> Schedule:
    """Share lists among sequencers so that they all walk for the same number of cycles, or nearly.

    Whole lists are kept together where that balances; else a list may be split between two
    neighbouring sequencers, which then complete their sums at about the same time; `splittable`
    says whether parts may be added (maxima may not). Cut lists are walked in the first order tried
    in which they drain; others are tried for each `order`. As many outputs leave in a cycle as
    there are `streams`. An output without taps takes no entry: it leaves where there is room.
    """
    drain = balance(lists, sequencers, splittable=splittable, streams=streams, order=order)
    shape = (drain.length, sequencers)
    row, column, channel = (np.zeros(shape, np.int64) for _ in range(3))
    idle, last, group_of = np.ones(shape, bool), np.zeros(shape, bool), np.full(shape, -1)
    weight = np.zeros((*shape, group), np.int64)
    for r, program in enumerate(drain.programs):
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
    exits, ends = _exits(lists, drain)
    taps = int((~idle).sum())
    return Schedule(row, column, channel, idle, last, group_of, weight, ends, exits, taps)


def _exits(
    lists: list[TapList], drain: Drain
) -> tuple[tuple[tuple[Pick | None, ...], ...], np.ndarray]:
    """Order outputs as they leave, and count how many exits each entry completes."""
    length, streams = drain.length, drain.streams
    empty = [Pick(o, 0, ()) for taps in lists if not len(taps) for o in taps.outputs]
    found: list[tuple[int, list[Pick]]] = []
    for leaving in drain.exits:
        picks = [
            Pick(output, g, sequencers)
            for group, sequencers in leaving.groups
            for g, output in enumerate(lists[group].outputs)
        ]
        found += [(leaving.at, picks[k : k + streams]) for k in range(0, len(picks), streams)]
    for _, picks in found:
        room = streams - len(picks)
        picks += empty[:room]
        empty = empty[room:]
    starts = zip(drain.leaves[1], drain.exits, strict=True)
    busy = {(first + k) % length for first, leaving in starts for k in range(leaving.slots)}
    gaps = (entry for entry in range(length) if (entry + 1) % length not in busy)
    found += [(next(gaps), empty[k : k + streams]) for k in range(0, len(empty), streams)]
    found.sort(key=lambda item: item[0])
    ends = np.bincount([at for at, _ in found], minlength=length)
    return tuple((*picks, *[None] * (streams - len(picks))) for _, picks in found), ends
