import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.drain import Drain, Part, Programs
from hw.schedule import Schedule, schedule
from hw.taps import TapList, tap_lists
from tests.hw.networks import conv

drawn = settings(derandomize=True, deadline=None, database=None, max_examples=150)


def made(lengths: list[int], sizes: list[int], seed: int = 0) -> list[TapList]:
    """Lists of some taps for groups of some outputs; tap `k` of list `g` is at row k, channel g."""
    rng, first, lists = np.random.default_rng(seed), 0, []
    for g, (length, size) in enumerate(zip(lengths, sizes, strict=True)):
        outputs, k = tuple(range(first, first + size)), np.arange(length)
        weight = rng.integers(-99, 100, (length, size))
        lists.append(TapList(outputs, k, k % 3, np.full(length, g), weight))
        first += size
    return lists


@st.composite
def many_lists(draw) -> tuple[list[TapList], int, int, int]:
    """Lists, the size of a group, sequencers and streams; now and then a list has no taps."""
    group, count = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    longest = draw(st.sampled_from([1, 3, 12, 40]))
    lengths = draw(st.lists(st.integers(0, longest), min_size=count, max_size=count))
    sizes = [group] * (count - 1) + [draw(st.integers(1, group))]
    sequencers = draw(st.integers(1, min(8, sum(sizes))))
    streams = draw(st.sampled_from([1, 1, 2, 3, 4]))
    return made(lengths, sizes), group, sequencers, streams


def walk(
    s: Schedule, group: int, pixels: np.ndarray, pauses=lambda: False, streams: int = 1
) -> list[int]:
    """Sums in the order in which they leave, of one accumulator and one register for each.

    Walks the schedule once for every window ``pixels[turn, row, column, channel]``; a register
    keeps its sum until its sequencer's next one, and output `g` of a group runs `g // streams`
    cycles late.
    """
    acc = np.zeros((s.sequencers, group), np.int64)
    held = [[0] * group for _ in range(s.sequencers)]
    due: list[tuple[int, int, int, int]] = []  # cycle, sequencer, g, sum
    waiting = now = picked = 0
    got = []

    def cycle(ends: int) -> None:
        nonlocal waiting, now, picked
        if waiting:
            leaving = [pick for pick in s.exits[picked % len(s.exits)] if pick]
            got.extend(sum(held[r][pick.g] for r in pick.sequencers) for pick in leaving)
            picked, waiting = picked + 1, waiting - 1
        for item in [item for item in due if item[0] == now]:
            due.remove(item)
            _, r, g, total = item
            held[r][g] = total
        waiting, now = waiting + ends, now + 1

    for window in pixels:
        for e in range(len(s)):
            while pauses():
                cycle(0)
            for r in range(s.sequencers):
                if not s.idle[e, r]:
                    pixel = window[s.row[e, r], s.column[e, r], s.channel[e, r]]
                    acc[r] += s.weight[e, r] * pixel
                if s.last[e, r]:
                    due += [(now + g // streams, r, g, int(acc[r, g])) for g in range(group)]
                    acc[r] = 0
            cycle(int(s.ends[e]))
    for _ in range(group + sum(s.ends) + 1):
        cycle(0)
    assert not waiting
    return got


@drawn
@given(case=many_lists(), splittable=st.booleans(), paused=st.booleans())
def test_registers_hold_every_sum_until_it_leaves(case, splittable, paused) -> None:
    """Walk it as the hardware does, and compare all sums; over several passes, with pauses."""
    lists, group, sequencers, streams = case
    s = schedule(lists, group, sequencers, splittable=splittable, streams=streams)
    rng = np.random.default_rng(1)
    pixels = rng.integers(-99, 100, (4, 1 + max(map(len, lists)), 3, len(lists)))
    expected = {
        (turn, output): int(taps.weight[:, g] @ pixels[turn, taps.row, taps.column, taps.channel])
        for turn in range(4)
        for taps in lists
        for g, output in enumerate(taps.outputs)
    }
    got = walk(s, group, pixels, lambda: paused and rng.random() < 0.3, streams)
    assert got == [expected[turn, pick.output] for turn in range(4) for pick in s.picks]


@drawn
@given(case=many_lists(), splittable=st.booleans())
def test_every_tap_is_walked_exactly_once(case, splittable) -> None:
    lists, group, sequencers, streams = case
    s = schedule(lists, group, sequencers, splittable=splittable, streams=streams)
    assert s.row.shape == s.idle.shape == s.last.shape == (len(s), sequencers)
    assert s.weight.shape == (len(s), sequencers, group)
    walked = [
        (s.channel[e, r], s.row[e, r], s.column[e, r], *s.weight[e, r])
        for e, r in np.argwhere(~s.idle).tolist()
    ]
    assert sorted(walked) == sorted(
        (g, k, k % 3, *taps.weight[k], *[0] * (group - len(taps.outputs)))
        for g, taps in enumerate(lists)
        for k in range(len(taps))
    )
    assert s.taps == len(walked)
    assert not s.weight[s.idle].any(), "an idle entry must add nothing"


@drawn
@given(case=many_lists(), splittable=st.booleans())
def test_every_output_leaves_once_summed_by_neighbours(case, splittable) -> None:
    lists, group, sequencers, streams = case
    s = schedule(lists, group, sequencers, splittable=splittable, streams=streams)
    assert sorted(pick.output for pick in s.picks) == sorted(o for t in lists for o in t.outputs)
    assert s.ends.sum() == len(s.exits)
    assert all(len(leaving) == streams for leaving in s.exits)
    outputs = [[pick.output if pick else -1 for pick in leaving] for leaving in s.exits]
    assert list(zip(*s.streams, strict=True)) == [tuple(o) for o in outputs]
    group_of = {o: (number, g) for number, t in enumerate(lists) for g, o in enumerate(t.outputs)}
    for pick in s.picks:
        number, g = group_of[pick.output]
        walkers = np.unique(np.nonzero((s.channel == number) & ~s.idle)[1]).tolist()
        assert list(pick.sequencers) == walkers
        assert pick.g == (g if walkers else 0)
        assert len(walkers) <= 1 + splittable * (len(lists[number]) > 1)
        if len(walkers) == 2:  # the sums of even and of odd sequencers are added
            assert walkers[1] == walkers[0] + 1
    assert s.splits == any(len(pick.sequencers) == 2 for pick in s.picks)


@drawn
@given(case=many_lists())
def test_no_longer_than_its_lists_require(case) -> None:
    """Between what no schedule can beat and what whole lists, padded, would take."""
    lists, group, sequencers, streams = case
    s = schedule(lists, group, sequencers, streams=streams)
    lengths, sizes = [len(taps) for taps in lists], [len(taps.outputs) for taps in lists]
    assert len(s) >= max(-(-sum(sizes) // streams), -(-sum(lengths) // sequencers))
    padded = [max(n, group * sequencers) for n in lengths if n]
    most = -(-sum(padded) // sequencers) + max(padded, default=0)
    assert len(s) <= max(sum(-(-size // streams) for size in sizes), most)


@pytest.mark.parametrize(
    ("lengths", "sizes", "sequencers", "entries"),
    [
        ([36] * 4, [1] * 4, 3, 48),  # 144 / 3: two lists are cut
        ([36] * 4, [1] * 4, 4, 36),
        ([30, 20, 25, 17], [2] * 4, 2, 46),
        ([9] * 16, [1] * 16, 5, 29),  # 28.8
        ([40, 10, 10], [1] * 3, 3, 20),  # a list longer than a share
        ([40, 10, 10], [1] * 3, 4, 20),  # is cut in two at most
        ([0, 12, 0], [1] * 3, 1, 12),  # empty lists take no entry
        ([1, 1], [3, 3], 1, 6),  # an output leaves a cycle
        ([0, 0], [2, 2], 2, 4),
    ],
)
def test_shares_are_equal(lengths, sizes, sequencers, entries) -> None:
    s = schedule(made(lengths, sizes), max(sizes), sequencers)
    assert len(s) == entries
    loads = (~s.idle).sum(axis=0)
    assert loads.sum() == sum(lengths)
    if sum(lengths) == entries * sequencers:
        assert (loads == entries).all()
        assert not s.idle.any()


def test_maxima_are_never_split() -> None:
    lists = made([9] * 4, [1] * 4)
    assert schedule(lists, 1, 3).splits
    whole = schedule(lists, 1, 3, splittable=False)
    assert not whole.splits
    assert len(whole) == 18


def test_outputs_without_taps_leave_in_gaps() -> None:
    s = schedule(made([5, 0, 4, 0], [1] * 4), 1, 1)
    assert len(s) == 9
    assert (s.ends <= 1).all()
    assert s.ends[[4, 8]].tolist() == [1, 1]
    assert [pick.sequencers for pick in s.picks if pick.output in (1, 3)] == [(), ()]


def registers_suffice(sizes: list[int], programs: Programs, length: int) -> bool:
    """Simulate registers cycle by cycle: none may be taken by the next sum before it has left."""
    ends: dict[int, list[tuple[int, int]]] = {}  # entry: group, sequencer
    for r, program in enumerate(programs):
        at = -1
        for part in program:
            at += part.length
            ends.setdefault(at, []).append((part.group, r))
    walked = [part.group for program in programs for part in program]
    held: dict[int, tuple[int, int]] = {}  # sequencer: turn, group
    queue: list[tuple[int, int, int]] = []  # turn, group, outputs left to leave
    complete: list[tuple[int, int]] = []
    for now in range(5 * length + sum(sizes)):
        if queue:
            turn, group, rest = queue.pop(0)
            if rest == sizes[group]:  # the next outputs' registers run late like themselves
                held = {r: what for r, what in held.items() if what != (turn, group)}
            if rest > 1:
                queue.insert(0, (turn, group, rest - 1))
        turn, entry = divmod(now, length)
        for group, r in sorted(ends.get(entry, []) if turn < 5 else []):
            if r in held:
                return False
            held[r] = (turn, group)
            complete.append((turn, group))
            if complete.count((turn, group)) == walked.count(group):
                queue.append((turn, group, sizes[group]))
    return True


@st.composite
def programs_of(draw) -> tuple[list[int], Programs, int]:
    """Any programs: whole lists and cut ones, in any order, idle entries anywhere."""
    count, sequencers = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    sizes = draw(st.lists(st.integers(1, 4), min_size=count, max_size=count))
    programs: Programs = [[] for _ in range(sequencers)]
    for group in range(count):
        length, r = draw(st.integers(1, 14)), draw(st.integers(0, sequencers - 1))
        cut = draw(st.integers(0, length - 1)) if r + 1 < sequencers else 0
        pieces = [(r, 0, cut), (r + 1, cut, length)] if cut else [(r, 0, length)]
        for where, start, stop in pieces:
            place = draw(st.integers(0, len(programs[where])))
            idle = draw(st.integers(0, 3))
            programs[where].insert(place, Part(group, start, stop, idle))
    longest = max(sum(part.length for part in program) for program in programs)
    return sizes, programs, max(longest, sum(sizes)) + draw(st.integers(0, 3))


@settings(drawn, max_examples=600)
@given(case=programs_of())
def test_drains_is_what_registers_do(case) -> None:
    sizes, programs, length = case
    assert Drain(sizes, programs, length).holds == registers_suffice(*case)


def test_drains_by_hand() -> None:
    def program(*lengths: tuple[int, int]) -> list[Part]:
        return [Part(group, 0, n) for group, n in lengths]

    two = [program((0, 4), (1, 4)), program((2, 4), (3, 4))]
    assert Drain([2] * 4, two, 8).holds
    # 1 and 2 are complete together; 2 leaves a cycle behind 1, when 3 is there already
    assert not Drain([1] * 4, [program((0, 1), (1, 7)), program((2, 8), (3, 1))], 9).holds
    assert Drain([1] * 4, [program((0, 1), (1, 7)), program((2, 8), (3, 2))], 10).holds
    # 0 and 2 are complete together; 2 leaves behind four outputs of 0, but 3 comes after three
    assert not Drain([4, 1, 1, 1], [program((0, 5), (1, 9)), program((2, 5), (3, 3))], 14).holds
    assert Drain([4, 1, 1, 1], [program((0, 5), (1, 9)), program((2, 5), (3, 5))], 14).holds


CASES = {
    "dense": ({}, 3),
    "weights": ({"density": 0.3}, 3),
    "kernels": ({"density": 0.4, "by_kernel": True, "channels": (5, 7)}, 5),
    "dilated": ({"dilation": (2, 3), "density": 0.5}, 3),
    "depthwise": ({"groups": 3, "channels": (3, 6), "density": 0.7}, 3),
    "grouped": ({"groups": 2, "channels": (4, 6)}, 4),
    "linear": ({"kernel": (4, 5), "padding": (0,) * 4, "raw": True}, 3),
    "empty": ({"density": 0}, 3),
}


@pytest.mark.parametrize("sequencers", [1, 2, 3])
@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize(("options", "channels"), CASES.values(), ids=CASES)
def test_every_surviving_weight_meets_its_pixel(options, channels, group, sequencers) -> None:
    """From a layer to sums: every output's sum over its own survivors, and nothing else."""
    layer = conv(np.random.default_rng(1), **options)
    many, inputs, kh, kw = layer.weight.shape
    s = schedule(tap_lists(layer, channels, group), group, sequencers)
    extent = [d * (k - 1) + 1 for d, k in zip(layer.dilation, (kh, kw), strict=True)]
    pixels = np.random.default_rng(2).integers(-99, 100, (*extent, channels))
    sums = walk(s, group, pixels[None])
    got = dict(zip((pick.output for pick in s.picks), sums, strict=True))
    assert sorted(got) == list(range(many))
    for o in range(many):
        first = o // (many // layer.groups) * inputs
        window = pixels[:: layer.dilation[0], :: layer.dilation[1], first : first + inputs]
        assert got[o] == (layer.weight[o].transpose(1, 2, 0) * window).sum()
