"""What the sequencers of a layer walk, in lockstep, once per block of columns."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hw.taps import TapList


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
class Pick:
    """One output on its way out: member `g` of its group, summed by one or two sequencers."""

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


def schedule(lists: list[TapList], group: int, sequencers: int) -> Schedule:
    """Share lists among sequencers so that they all walk for the same number of cycles, or nearly.

    Whole lists are kept together where that balances; else a list may be split between two
    neighbouring sequencers, which then complete their sums at about the same time.
    """
    programs, length = balance(lists, sequencers)
    shape = (length, sequencers)
    row, column, channel = (np.zeros(shape, np.int64) for _ in range(3))
    idle, last = np.ones(shape, bool), np.zeros(shape, bool)
    weight = np.zeros((*shape, group), np.int64)
    for r, program in enumerate(programs):
        at = 0
        for part in program:
            taps, entries = lists[part.group], slice(at + part.idle, at + part.length)
            chosen = slice(part.start, part.stop)
            row[entries, r], column[entries, r] = taps.row[chosen], taps.column[chosen]
            channel[entries, r], idle[entries, r] = taps.channel[chosen], False
            weight[entries, r, : len(taps.outputs)] = taps.weight[chosen]
            at += part.length
            last[at - 1, r] = True
    picks, ends = _picks(lists, programs, length)
    taps = int((~idle).sum())
    return Schedule(row, column, channel, idle, last, weight, ends, picks, taps)


def balance(lists: list[TapList], sequencers: int) -> tuple[Programs, int]:
    """Programs of all sequencers, and the entries that they take."""
    sizes = [len(taps.outputs) for taps in lists]
    whole = [Part(g, 0, len(taps), _fill(len(taps), 1)) for g, taps in enumerate(lists)]
    if sequencers == 1:
        # The sums of a group leave one a cycle, so the next list ends no sooner.
        before = [sizes[-1], *sizes[:-1]]
        program = [
            Part(p.group, 0, p.stop, _fill(p.stop, max(n, 1)))
            for p, n in zip(whole, before, strict=True)
        ]
        return [program], sum(part.length for part in program)
    found = []
    for programs in (
        _contiguous(whole, sequencers),
        _longest_first(whole, sequencers),
        _split(whole, sequencers),
    ):
        if programs is None:
            continue
        length = max(sum(part.length for part in program) for program in programs)
        length = max(length, sum(sizes))
        if drains(sizes, programs, length):
            found.append((length, programs))
    if not found:
        # Lists so long that every other sequencer's group leaves meanwhile always drain.
        least = max(sizes) * sequencers
        longer = [Part(p.group, 0, p.stop, _fill(p.stop, least)) for p in whole]
        programs = _longest_first(longer, sequencers)
        return programs, max(sum(part.length for part in program) for program in programs)
    length, programs = min(found, key=lambda item: item[0])
    return programs, length


def _fill(taps: int, least: int) -> int:
    return max(least - taps, 0)


def _contiguous(whole: list[Part], sequencers: int) -> Programs:
    """Share whole lists in their order, so that lists that read the same channels stay together."""
    lengths = [part.length for part in whole]
    low, high = max(lengths), sum(lengths)
    while low < high:  # the shortest length into which they go
        middle = (low + high) // 2
        if len(_runs(lengths, middle)) <= sequencers:
            high = middle
        else:
            low = middle + 1
    runs = _runs(lengths, low)
    return [whole[a:b] for a, b in runs] + [[]] * (sequencers - len(runs))


def _runs(lengths: list[int], limit: int) -> list[tuple[int, int]]:
    starts, load = [0], 0
    for index, length in enumerate(lengths):
        if load + length > limit:
            starts.append(index)
            load = 0
        load += length
    return list(pairwise([*starts, len(lengths)]))


def _longest_first(whole: list[Part], sequencers: int) -> Programs:
    """Share whole lists, each to the sequencer with the least so far."""
    programs: Programs = [[] for _ in range(sequencers)]
    loads = [0] * sequencers
    for part in sorted(whole, key=lambda part: -part.length):
        r = loads.index(min(loads))
        programs[r].append(part)
        loads[r] += part.length
    return programs


def _split(whole: list[Part], sequencers: int) -> Programs | None:
    """Cut the lists, end to end, into equal shares; None if a list would be cut twice.

    Neighbours that share a list walk their parts of it at the same end of the pass: at its end behind
    an even sequencer, at its beginning behind an odd one.
    """
    share = -(-sum(part.length for part in whole) // sequencers)
    if max(part.length for part in whole) > share:
        return None
    programs: Programs = [[] for _ in range(sequencers)]
    r = load = 0
    for part in whole:
        room = share - load
        if part.length <= room:
            programs[r].append(part)
            load += part.length
            continue
        if room:
            if part.idle:
                return None
            programs[r].append(Part(part.group, 0, room))
        programs[r + 1].append(Part(part.group, room, part.stop, part.idle))
        r, load = r + 1, part.length - room
    for r, program in enumerate(programs):
        if r % 2:
            program.reverse()  # what it shares with the one before now comes last
        elif r == sequencers - 1 and not program:
            return None
    for r in range(1, sequencers - 1, 2):
        _align(programs[r], programs[r + 1])
    _push_back(programs, share)
    return programs


def _align(left: list[Part], right: list[Part]) -> None:
    """Let two neighbours complete the list that both begin with at about the same time.

    Whole lists go before the shorter part while it still ends first; behind it comes the longest that
    is left, so that its sum is kept until the other's is there.
    """
    if not left or not right or left[0].group != right[0].group:
        return
    shorter, longer = sorted((left, right), key=lambda program: program[0].length)
    if len(shorter) < 3:
        return
    first, inner, final = shorter[0], sorted(shorter[1:-1], key=lambda p: p.length), shorter[-1]
    before: list[Part] = []
    while inner and sum(p.length for p in before) + inner[0].length + first.length <= longer[0].length:
        before.append(inner.pop(0))
    shorter[:] = [*before, first, *reversed(inner), final]


def _push_back(programs: Programs, share: int) -> None:
    """Fill a shorter program up before its last part, so that shared lists end together."""
    for program in programs:
        missing = share - sum(part.length for part in program)
        if program and missing:
            part = program[-1]
            program[-1] = Part(part.group, part.start, part.stop, part.idle + missing)


def _ends(programs: Programs) -> list[list[tuple[int, int]]]:
    """Per sequencer, the entry that ends each part, and its group."""
    ends = []
    for program in programs:
        at, found = -1, []
        for part in program:
            at += part.length
            found.append((at, part.group))
        ends.append(found)
    return ends


def _order(programs: Programs) -> list[tuple[int, int, tuple[int, ...]]]:
    """Groups in the order in which their last sums are complete: entry, group, sequencers."""
    complete: dict[int, list[tuple[int, int]]] = {}
    for r, found in enumerate(_ends(programs)):
        for at, group in found:
            complete.setdefault(group, []).append((at, r))
    return sorted(
        (max(at for at, _ in parts), group, tuple(sorted(r for _, r in parts)))
        for group, parts in complete.items()
    )


def drains(sizes: list[int], programs: Programs, length: int) -> bool:
    """Whether every sum leaves before the next one of its sequencer takes its register.

    One sum leaves a cycle. A pass is followed by the next without a pause, which is the worst case: a
    pause only delays the next sums.
    """
    order, leave = _order(programs), 0
    leaves: dict[tuple[int, int], int] = {}  # (pass, group) -> cycle in which member 0 leaves
    for turn in range(2):
        for at, group, _ in order:
            leave = max(leave, at + 1 + turn * length)
            leaves[turn, group] = leave
            leave += sizes[group]
    for found in _ends(programs):
        steps = [(at + turn * length, turn, group) for turn in range(3) for at, group in found]
        for (_, turn, group), (next_at, *_) in pairwise(steps):
            if turn < 2 and leaves[turn, group] > next_at:
                return False
    return True


def _picks(
    lists: list[TapList], programs: Programs, length: int
) -> tuple[tuple[Pick, ...], np.ndarray]:
    """Outputs in the order in which they leave, and how many each entry completes."""
    picks, ends = [], np.zeros(length, np.int64)
    for at, group, sequencers in _order(programs):
        outputs = lists[group].outputs
        ends[at] += len(outputs)
        picks += [Pick(output, g, sequencers) for g, output in enumerate(outputs)]
    return tuple(picks), ends
