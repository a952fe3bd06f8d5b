"""Coding of taps as walks over kernels: a few patterns, and the channels that each is walked in."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from hw.rom import LUT_BITS, Rom
from hw.walk import Taps, Walk

_PITCHES = (1, 2, 3, 4)
_SEGMENT: tuple[str, ...] = ("local", "more", "start")


@dataclass(frozen=True, eq=False)
class KernelProgram:
    """Walks over kernels, and the channels in which they are walked, for one sequencer.

    Where masks alternate with the channels, a walk is one over the kernels of a few of them.

    Parameters
    ----------
    patterns : Rom
        Walks, one behind the other: of each tap its ``row``, its ``word`` if the walk's first
        channel were 0, and whether it is ``blank``; ``end`` marks the last tap of a walk.
    segments : Rom
        Runs of channels that are walked alike: the first one's ``local`` place, how many walks
        follow the first (``more``), and the word of `patterns` at which they start (``start``).
    pitch : int
        Channels from one walk to the next one of a segment.
    """

    patterns: Rom
    segments: Rom
    pitch: int

    @staticmethod
    def encode(walk: Walk, r: int) -> "KernelProgram":
        """Encode what a sequencer walks, in the cheapest way: by kernels, or tap by tap."""
        place, local = _places(walk, r)
        pitches = _PITCHES[: int(local.max()) + 1]
        programs = []
        for pitch in pitches:
            way = _by_kernel(place, local, walk.last[:, r], pitch, _size(walk))
            programs += way.programs(walk)
            if pitch == 1 and len(programs[-1].segments) == 1:
                break  # all channels are walked alike
        programs += _Parsed(place, local, np.arange(len(place)), 1).programs(walk)
        return min(programs, key=lambda program: program.bits / LUT_BITS + program.luts)

    @property
    def bits(self) -> int:
        """Bits of its memories."""
        return self.patterns.bits + self.segments.bits

    @property
    def channels(self) -> int:
        """Places of channels that are counted."""
        fields = self.segments.fields
        return int((fields["local"] + self.pitch * fields["more"]).max()) + 1

    @cached_property
    def disjoint(self) -> bool:
        """Whether words and channels have no bit in common, so that their sum is no addition."""
        fields = self.segments.fields
        turns = fields["more"] + 1
        turn = np.arange(turns.sum()) - np.repeat(np.cumsum(turns) - turns, turns)
        channels = np.repeat(fields["local"], turns) + self.pitch * turn
        words = np.bitwise_or.reduce(self.patterns.fields["word"])
        return not int(np.bitwise_or.reduce(channels) & words)

    @property
    def luts(self) -> int:
        """LUT4s, roughly, beside its memories: of two counters, the channel, and its offset."""
        depths = (len(self.segments) - 1).bit_length() + (len(self.patterns) - 1).bit_length()
        more, word = (
            int(values.max()).bit_length()
            for values in (self.segments.fields["more"], self.patterns.fields["word"])
        )
        local = (self.channels - 1).bit_length()
        return 2 * (depths + more + local) + max(word, local) * (not self.disjoint)

    def decode(self, length: int) -> Taps:
        """Taps of so many entries."""
        patterns, segments, entries = self.patterns.fields, self.segments.fields, []
        while len(entries) < length:
            for first, more, start in zip(*(segments[k].tolist() for k in _SEGMENT), strict=True):
                stop = start + int(patterns["end"][start:].argmax()) + 1
                channels = range(first, first + self.pitch * more + 1, self.pitch)
                entries += [(at, local) for local in channels for at in range(start, stop)]
        at, local = np.array(entries[:length]).T[:, :, None]
        return Taps(patterns["row"][at], patterns["word"][at] + local, patterns["blank"][at] > 0)


@dataclass(frozen=True, eq=False)
class _Parsed:
    """Entries of a sequencer, cut into walks.

    Parameters
    ----------
    place : (N,) int
        Place of each entry in its walk.
    local : (N,) int
        First channel of its walk.
    heads : (K,) int
        First entry of every walk.
    pitch : int
        Channels of a walk.
    """

    place: np.ndarray
    local: np.ndarray
    heads: np.ndarray
    pitch: int

    def programs(self, walk: Walk) -> list[KernelProgram]:
        """Memories, for segments of several lengths."""
        stops, place = [*self.heads.tolist(), len(self.place)], self.place.tolist()
        walks = [tuple(place[a:b]) for a, b in pairwise(stops)]
        table, start = _table(walks)
        patterns = _patterns(walk, table)
        first, begin = self.local[self.heads], np.array([start[walked] for walked in walks])

        follows = (np.diff(first, prepend=-1) == self.pitch) & (np.diff(begin, prepend=-1) == 0)
        index = np.arange(len(first))
        run = index - np.maximum.accumulate(np.where(follows, 0, index))  # place in its run
        longest = int(run.max()) + 1
        found = []
        for most in sorted({longest, *(1 << k for k in range(longest.bit_length()))}):
            chosen = np.flatnonzero(run % most == 0)
            more = np.diff(chosen, append=len(first)) - 1
            fields = dict(zip(_SEGMENT, (first[chosen], more, begin[chosen]), strict=True))
            found.append(KernelProgram(patterns, Rom.cyclic(fields), self.pitch))
        return found


def _size(walk: Walk) -> int:
    """Places of a kernel's taps, and of a row before them for entries without one."""
    return (int(walk.row.max()) + 2) * len(walk.words)


def _places(walk: Walk, r: int) -> tuple[np.ndarray, np.ndarray]:
    """Place in the kernel and channel of every entry of a sequencer.

    Places are numbered by row and column; that of a blank entry is 0. An idle entry that may read
    anything walks the end of the kernel that follows, which is stored anyway.
    """
    columns, idle, local = len(walk.words), walk.idle[:, r], walk.local[:, r].copy()
    place = np.where(idle, 0, (walk.row[:, r] + 1) * columns + walk.column[:, r])
    real = np.flatnonzero(~idle)
    edges = np.flatnonzero(np.diff(idle, prepend=False, append=False))
    for start, stop in edges.reshape(-1, 2).tolist():
        if not walk.needless:
            local[start:stop] = np.arange(stop - start) % (walk.local[:, r].max() + 1)
        elif len(real):
            head = int(real[np.searchsorted(real, stop) % len(real)])
            kernel = [int(place[head])]
            for at in range(head + 1, len(place)):
                if local[at] != local[head] or place[at] <= kernel[-1]:
                    break
                kernel.append(int(place[at]))
            place[start:stop] = np.resize(kernel[::-1], stop - start)[::-1]
            local[start:stop] = local[head]
        else:
            place[start:stop] = columns
    return place, local


def _by_kernel(
    place: np.ndarray, local: np.ndarray, last: np.ndarray, pitch: int, size: int
) -> _Parsed:
    """Cut entries into walks over the kernels of `pitch` channels, each in ascending order."""
    first = local // pitch * pitch
    inner = np.where(place, (local - first) * size + place, 0)
    cut = (np.diff(first) != 0) | (np.diff(inner) <= 0) | (inner[:-1] == 0) | last[:-1]
    return _Parsed(inner, first, np.flatnonzero(np.concatenate([[True], cut])), pitch)


def _table(
    walks: Sequence[tuple[int, ...]],
) -> tuple[list[tuple[int, int]], dict[tuple[int, ...], int]]:
    """Lay walks out one behind the other: places and marks of their ends, and where each starts.

    A walk that is the end of another one takes no words.
    """
    table: list[tuple[int, int]] = []
    start: dict[tuple[int, ...], int] = {}
    for walked in sorted(set(walks), key=lambda walked: (-len(walked), walked)):
        if walked not in start:
            for at in range(len(walked)):
                start.setdefault(walked[at:], len(table) + at)
            table += [(place, 0) for place in walked[:-1]] + [(walked[-1], 1)]
    return table, start


def _patterns(walk: Walk, table: list[tuple[int, int]]) -> Rom:
    inner, end = np.array(table).T
    channel, place = np.divmod(inner, _size(walk))
    row, column = np.divmod(place, len(walk.words))
    fields = {
        "row": np.maximum(row - 1, 0),
        "word": np.where(place, walk.words[column] + channel, 0),
        "blank": (place == 0).astype(int),
        "end": end,
    }
    return Rom(fields)
