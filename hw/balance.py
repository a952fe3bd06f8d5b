"""Share of a layer's lists among its sequencers, so that all of them walk equally long."""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from hw.drain import Drain, Part, Programs
from hw.taps import TapList

_ATTEMPTS = 40  # orders of the lists that are tried


def balance(
    lists: list[TapList], sequencers: int, *, splittable: bool, streams: int = 1, order: int = 0
) -> Drain:
    """Share lists among sequencers, and see that all sums drain, `streams` of them a cycle."""
    sizes = [len(taps.outputs) for taps in lists]
    whole = [Part(g, 0, len(taps)) for g, taps in enumerate(lists) if len(taps)]
    if sequencers == 1 or not whole:
        # The next list of the one sequencer ends no sooner than the sums of a group have left.
        program = [
            Part(part.group, 0, part.stop, max(-(-sizes[before.group] // streams) - part.stop, 0))
            for before, part in zip([*whole[-1:], *whole[:-1]], whole, strict=True)
        ]
        return _drain(sizes, [program, *([] for _ in range(1, sequencers))], streams, False)
    drains = [
        drain
        for programs in (_contiguous(whole, sequencers), _longest_first(whole, sequencers))
        for together in ((True, False) if streams > 1 else (False,))
        if (drain := _drain(sizes, programs, streams, together)).holds
    ]
    if not drains:
        # Lists so long that every other sequencer's group leaves meanwhile always drain.
        least = max(sizes) * sequencers
        longer = [Part(p.group, 0, p.stop, max(least - p.stop, 0)) for p in whole]
        drains = [_drain(sizes, _longest_first(longer, sequencers), streams, False)]
    best = min(drains, key=lambda drain: drain.length)
    if splittable:
        best = _split(whole, sizes, sequencers, best, order) or best
    return best


def _drain(sizes: list[int], programs: Programs, streams: int, together: bool) -> Drain:
    """Drain of some programs in a pass as short as it can be."""
    drain = Drain(sizes, programs, 0, streams, together)
    longest = max(sum(part.length for part in program) for program in programs)
    return replace(drain, length=max(drain.slots, longest))


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


def _split(
    whole: list[Part], sizes: list[int], sequencers: int, best: Drain, order: int
) -> Drain | None:
    """Cut the lists, end to end, into equal shares that drain; None if that gains nothing.

    Where lists are cut, and what is walked before them, decides whether all sums drain, so several
    orders are tried, always the same ones for each `order`.
    """
    total, streams = sum(part.length for part in whole), best.streams
    exits = -(-sum(sizes) // streams)
    halves = (-(-part.length // 2) for part in whole)  # a list is cut in two at most
    least = max(-(-total // sequencers), *halves, exits)
    margin = max(sizes) * sequencers
    rng = np.random.default_rng(order)
    for share in range(least, min(best.length, least + margin)):
        for attempt in range(bool(order), _ATTEMPTS):
            places = rng.permutation(len(whole)) if attempt else range(len(whole))
            programs = _cut([whole[index] for index in places], sequencers, share)
            if programs is None:
                continue
            for r in range(1, sequencers - 1, 2):
                _align(programs[r], programs[r + 1], margin, rng if attempt else None)
            _push_back(programs, share)
            for together in (True, False) if streams > 1 else (False,):
                drain = Drain(sizes, programs, share, streams, together)
                if drain.slots <= share and drain.holds:
                    return drain
    return None


def _cut(whole: list[Part], sequencers: int, share: int) -> Programs | None:
    """Cut lists into equal shares; None if one would be cut twice, or one that has idle entries.

    Neighbours that share a list walk their parts of it at the same end of the pass: at its end
    behind an even sequencer, at its beginning behind an odd one.
    """
    programs: Programs = [[] for _ in range(sequencers)]
    r = load = 0
    for part in whole:
        if load == share:
            r, load = r + 1, 0
        room = share - load
        if part.length <= room:
            programs[r].append(part)
            load += part.length
            continue
        if part.idle or part.length - room > share or r + 1 == sequencers:
            return None
        programs[r].append(Part(part.group, 0, room))
        programs[r + 1].append(Part(part.group, room, part.stop))
        r, load = r + 1, part.length - room
    for program in programs[1::2]:
        program.reverse()  # what it shares with the one before now comes last
    return programs


def _align(
    left: list[Part], right: list[Part], margin: int, rng: np.random.Generator | None
) -> None:
    """Let two neighbours complete the list that both begin with at about the same time.

    Each walks some of its other lists first. The part that is completed sooner must not be followed
    by a list that ends before the other part.
    """
    if not left or not right or left[0].group != right[0].group:
        return
    choices = []
    for before_left, end_left, next_left in _places(left):
        for before_right, end_right, next_right in _places(right):
            if next_left > end_right and next_right > end_left:
                hurry = max(margin - min(end_left, end_right), 0)  # others leave at the pass's end
                distance = abs(end_left - end_right) + hurry
                choices.append((distance, before_left, before_right))
    if not choices:
        return
    choices.sort()
    _, before_left, before_right = choices[0 if rng is None else rng.integers(len(choices))]
    for program, before in ((left, before_left), (right, before_right)):
        program.insert(before, program.pop(0))


def _places(program: list[Part]) -> list[tuple[int, int, int]]:
    """Places that a program's first part may take before its last part.

    For each: lists walked before it, the entry that then ends it, and that which ends the next one.
    """
    places, end = [], program[0].length
    for before in range(max(len(program) - 1, 1)):
        if before:
            end += program[before].length
        following = program[before + 1].length if before + 1 < len(program) else end
        places.append((before, end, end + following))
    return places


def _push_back(programs: Programs, share: int) -> None:
    """Fill a shorter program up before its last part, so that shared lists end together."""
    for program in programs:
        missing = share - sum(part.length for part in program)
        if program and missing:
            part = program[-1]
            program[-1] = Part(part.group, part.start, part.stop, part.idle + missing)
