import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.columns import Columns, Segments

numbers = st.integers


@settings(derandomize=True, deadline=None, database=None, max_examples=300)
@given(
    width=numbers(1, 24),
    outputs=numbers(1, 24),
    lanes=numbers(1, 24),
    producer=numbers(1, 24),
    stride=numbers(1, 4),
    taps=st.sets(numbers(0, 8), min_size=1),
    padding=numbers(0, 8),
)
def test_every_tap_of_every_lane_reads_its_column(
    width, outputs, lanes, producer, stride, taps, padding
) -> None:
    """Whatever the numbers: a word holds its column, or was never written where there is none."""
    lanes, producer = min(lanes, outputs), min(producer, width)
    columns, source = Columns(outputs, lanes), Columns(width, producer)
    segments = Segments(width, columns, stride, tuple(sorted(taps)), padding)
    memory = np.full((segments.words, lanes), -1)  # (word, lane)
    for column, writes in enumerate(segments.writes(source)):
        for write in writes:
            for lane, place in write.sources:
                x = place * source.block + column
                assert x < width, "a column behind the picture must not be stored"
                assert memory[write.word, lane] == -1, "a pixel must be written once"
                memory[write.word, lane] = x
    for lane in range(lanes):
        for block in range(columns.block):
            output = lane * columns.block + block
            if output >= outputs:
                continue  # a lane's columns behind the picture are computed and dropped
            for tap in taps:
                x = output * stride + tap - padding
                expected = x if 0 <= x < width else -1
                assert memory[segments.first_word(tap) + block, lane] == expected
                assert segments.word(block * stride + tap) == segments.first_word(tap) + block


@settings(derandomize=True, deadline=None, database=None, max_examples=200)
@given(
    outputs=numbers(1, 12),
    lanes=numbers(1, 12),
    stride=numbers(1, 5),
    low=numbers(0, 4),
    extent=numbers(1, 6),
)
def test_only_columns_that_are_read_are_stored(outputs, lanes, stride, low, extent) -> None:
    """With taps beside each other, every word is read, and every column has one word at most."""
    columns, taps = Columns(outputs, min(lanes, outputs)), tuple(range(low, low + extent))
    segments = Segments(99, columns, stride, taps, 0)
    read = {block * stride + tap for block in range(columns.block) for tap in taps}
    found = {x: segments.word(x) for x in range(99)}
    assert {x for x, word in found.items() if word is not None} == read
    assert {found[x] for x in read} == set(range(segments.words))
    assert len(read) == segments.words


def test_block_is_the_columns_of_a_lane() -> None:
    assert [Columns(10, lanes).block for lanes in (1, 3, 4, 5, 10)] == [10, 4, 3, 2, 1]


def test_halo_writes_by_hand() -> None:
    """Eight columns on two lanes, 3x3: the columns beside the cut belong to both."""
    segments = Segments(8, Columns(8, 2), stride=1, taps=(0, 1, 2), padding=1)
    assert segments.words == 6
    assert [segments.places(x) for x in (0, 3, 4, 7)] == [
        [(0, 1)],
        [(0, 4), (1, 0)],
        [(0, 5), (1, 1)],
        [(1, 4)],
    ]
    writes = segments.writes(Columns(8, 2))  # a beat: columns (k, k + 4)
    assert [[(w.word, w.sources) for w in steps] for steps in writes] == [
        [(1, ((0, 0), (1, 1))), (5, ((0, 1),))],
        [(2, ((0, 0), (1, 1)))],
        [(3, ((0, 0), (1, 1)))],
        [(0, ((1, 0),)), (4, ((0, 0), (1, 1)))],
    ]


def test_beat_that_nobody_reads_takes_one_write_of_no_lane() -> None:
    segments = Segments(5, Columns(2, 2), stride=2, taps=(0,), padding=0)
    assert segments.words == 1
    steps = segments.writes(Columns(5, 1))
    assert [len(s) for s in steps] == [1] * 5
    assert [s[0].sources for s in steps] == [((0, 0),), (), ((1, 0),), (), ()]


def test_planes_by_hand() -> None:
    """3 columns, stride 2, blocks of 4: even columns 0, 2 .. 8 and odd ones 1 .. 7."""
    segments = Segments(9, Columns(4, 1), stride=2, taps=(0, 1, 2), padding=1)
    assert segments.planes == {0: (0, 0, 5), 1: (5, 0, 4)}
    assert [segments.first_word(tap) for tap in (0, 1, 2)] == [0, 5, 1]
    assert [segments.word(x) for x in range(10)] == [0, 5, 1, 6, 2, 7, 3, 8, 4, None]
    pruned = Segments(9, Columns(4, 1), stride=2, taps=(1,), padding=1)
    assert (pruned.words, pruned.places(0), pruned.places(1)) == (4, [(0, 0)], [])
