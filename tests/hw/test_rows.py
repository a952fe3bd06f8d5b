from itertools import islice, pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hw.rows import Rows

drawn = settings(derandomize=True, deadline=None, database=None, max_examples=300)


@st.composite
def rows(draw) -> Rows:
    height, extent = draw(st.integers(1, 12)), draw(st.integers(1, 7))
    stride = draw(st.integers(1, 5))
    top, bottom = (draw(st.integers(0, extent - 1)) for _ in range(2))
    room = height + top + bottom - extent
    assume(room >= 0)
    return Rows(height, room // stride + 1, extent, stride, top)


def windows(r: Rows):
    """All windows for ever: the number of each row read, in order of arrival, or None outside."""
    frame = 0
    while True:
        for y in range(r.outputs):
            inside = (y * r.stride - r.top + k for k in range(r.extent))
            yield [frame * r.height + x if 0 <= x < r.height else None for x in inside]
        frame += 1


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
        (Rows(8, 8, 3, 1, 1), 5),  # 3x3: the kernel and two strides
        (Rows(8, 4, 3, 2, 0), 7),
        (Rows(8, 4, 2, 2, 0), 6),
        (Rows(8, 8, 1, 1, 0), 3),
        (Rows(4, 1, 4, 1, 0), 8),  # a linear layer: two maps
    ],
)
def test_ring_by_hand(r, ring) -> None:
    assert r.ring == ring


def test_unread_rows_pass_between_pictures() -> None:
    r = Rows(5, 2, 2, 2, 0)  # the fifth row is not read
    assert (r.total, r.first_pushes) == (5, 3)
    assert list(islice(windows(r), 3)) == [[0, 1], [2, 3], [5, 6]]
    assert r.windows == (((True, True), 0), ((True, True), 2), ((True, True, True), 3))
    assert [r.real(k) for k in range(6)] == [True] * 6
