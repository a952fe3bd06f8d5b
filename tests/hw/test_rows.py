from itertools import islice, pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hw.rows import Rows
from tests.hw.networks import windows

drawn = settings(derandomize=True, deadline=None, database=None, max_examples=300)


@st.composite
def rows(draw) -> Rows:
    height, extent = draw(st.integers(1, 12)), draw(st.integers(1, 7))
    stride = draw(st.integers(1, 5))
    top, bottom = (draw(st.integers(0, extent - 1)) for _ in range(2))
    room = height + top + bottom - extent
    assume(room >= 0)
    taps = draw(st.sets(st.integers(0, extent - 1), min_size=1))
    return Rows(height, room // stride + 1, extent, stride, top, tuple(sorted(taps)))


@drawn
@given(r=rows())
def test_pushes_make_every_window_and_release_every_row(r: Rows) -> None:
    """Shift rows into a window as the plan says, and compare with the windows of the pictures."""
    window, arrived, released = [None] * r.extent, 0, 0
    plan = list(r.windows)
    assert len(plan) == r.outputs + 1
    sequence = [plan[0], *(plan[1:] * 4)]
    for (pushes, freed), expected in zip(sequence, windows(r), strict=False):
        for inside in pushes:
            window = [*window[1:], arrived if inside else None]
            arrived += inside
        assert window == expected
        released += freed
        rows_here = [x for x in window if x is not None]
        assert released <= min(rows_here, default=arrived), "a row in use must not be released"
    assert released + r.ring >= arrived, "what is not released must have room"


@drawn
@given(r=rows())
def test_ring_has_room_for_two_windows_and_a_stride(r: Rows) -> None:
    """The next window can always be gathered while this one is computed, with a stride to spare."""
    plan = [r.windows[0], *(r.windows[1:] * 4)]
    pushed = released = resident = 0
    for (pushes, freed), (following, _) in pairwise(plan):
        pushed += sum(pushes)
        released += freed
        resident = max(resident, pushed + sum(following) - released)
    assert r.ring == resident + (r.stride if r.outputs > 1 else 0)


@pytest.mark.parametrize(
    ("r", "ring"),
    [
        (Rows(8, 8, 3, 1, 1, (0, 1, 2)), 5),  # 3x3: the kernel and two strides
        (Rows(8, 4, 3, 2, 0, (0, 1, 2)), 7),
        (Rows(8, 4, 2, 2, 0, (0, 1)), 6),
        (Rows(8, 8, 1, 1, 0, (0,)), 3),
        (Rows(4, 1, 4, 1, 0, (0, 1, 2, 3)), 8),  # a linear layer: two maps
    ],
)
def test_ring_by_hand(r, ring) -> None:
    assert r.ring == ring


def test_unread_rows_pass_and_are_not_stored() -> None:
    r = Rows(5, 2, 2, 2, 0, (0, 1))  # the fifth row is not read
    assert (r.total, r.first_pushes) == (5, 3)
    assert list(islice(windows(r), 3)) == [[0, 1], [2, 3], [4, 5]]
    assert r.windows == (((True, True), 0), ((True, True), 2), ((False, True, True), 2))
    assert [r.real(k) for k in range(6)] == [True] * 4 + [False, True]


def test_rows_between_windows_of_one_row_are_not_stored() -> None:
    r = Rows(6, 3, 1, 2, 0, (0,))  # 1x1, stride 2
    assert r.stored == (True, False) * 3
    assert r.ring == 2 + 2  # two windows and a stride
    pruned = Rows(6, 6, 3, 1, 1, (2,))  # only the last row of the kernel has survived
    assert pruned.stored == (False, False, *[True] * 5, False)


def test_result_that_reads_no_row_waits_for_one() -> None:
    r = Rows(4, 2, 3, 4, 2, (0,))  # both windows read padding, and the fourth row
    assert next(windows(r)) == [None, None, 0]
    assert r.stored == (False, False, True, False, True, False, False)
