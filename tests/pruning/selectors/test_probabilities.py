import numpy as np
import pytest

from pruning.selectors.probabilities import Probabilities, increment
from pruning.units import Units


def units(counts: list[int], keep: list[int]) -> Units:
    rows = np.repeat(np.arange(len(counts)), counts)
    labels = {"a": np.arange(len(rows))}
    return Units("a", "weight", labels, rows, np.array(keep))


def curve(rank: float, count: int, A: float = 0.05, u: float = 0.25) -> float:
    return float(increment(np.array([rank]), np.array([count]), A, u)[0])


def test_the_curve_by_hand():
    """With u = 1/4 and 6 to go, alpha = ln(8) / 6 = ln(2) / 2 and the curve turns at rank 4.

    A step of two ranks halves it before: 1, 1/2, 1/4; behind, it is 1/2 - 2**(rank / 2 - 4).
    """
    found = increment(np.array([0, 2, 4, 6, 8, 10]), np.full(6, 6), 0.05, 0.25)
    assert found == pytest.approx([0.05, 0.025, 0.0125, 0.0, -0.025, -0.075])


@pytest.mark.parametrize(("A", "u"), [(0.05, 0.25), (0.3, 0.6), (1.0, 0.01)])
@pytest.mark.parametrize("count", [1, 3, 32, 500])
def test_the_curve_is_symmetric_about_where_it_turns(A: float, u: float, count: int):
    turn = -np.log(u) / (np.log(2 / u) / count)
    assert curve(0, count, A, u) == pytest.approx(A)
    assert curve(turn, count, A, u) == pytest.approx(u * A)
    assert curve(count, count, A, u) == pytest.approx(0, abs=1e-12)
    for away in (0.2 * turn, 0.9 * turn):
        above = curve(turn - away, count, A, u) - u * A
        assert curve(turn + away, count, A, u) - u * A == pytest.approx(-above)


def test_a_long_row_overflows_nothing():
    assert curve(9999, 1) < -1e300


def test_exactly_the_least_important_gain():
    each = Probabilities(units([10], [6]), 0.05, 0.25)
    importance = np.array([5, 0, 9, 2, 7, 1, 3, 8, 4, 6], float)  # also the ranks
    each.update(importance)
    np.testing.assert_array_equal(each.values > 0, importance < 4)
    expected = [curve(rank, 4) for rank in range(4)]
    np.testing.assert_allclose(each.values[[1, 5, 3, 6]], expected)


def test_of_equals_the_first_go():
    each = Probabilities(units([6], [4]), 0.5, 0.25)
    each.update(np.ones(6))
    np.testing.assert_array_equal(each.values > 0, [1, 1, 0, 0, 0, 0])


def test_a_unit_that_matters_after_all_comes_back():
    each = Probabilities(units([4], [2]), 0.05, 0.25)
    for _ in range(5):
        each.update(np.array([1, 2, 3, 4.0]))
    before = each.values.copy()
    assert before[0] == pytest.approx(0.25)
    each.update(np.array([5, 2, 3, 4.0]))
    assert each.values[0] == pytest.approx(max(0, 0.25 + curve(3, 2)))
    assert each.values[0] < before[0]
    assert each.values[1] > before[1]


def test_rows_are_apart_and_those_that_are_gone_have_no_rank():
    each = Probabilities(units([3, 4, 2], [2, 2, 2]), 0.5, 0.25)
    importance = np.array([3, 1, 2, 10, 13, 11, 12, 1, 1.0])
    each.update(importance)
    np.testing.assert_array_equal(each.to_prune, [1, 2, 0])
    np.testing.assert_allclose(each.values, [0, 0.5, 0, 0.5, 0, curve(1, 2, 0.5), 0, 0, 0])
    each.update(importance)
    np.testing.assert_array_equal(each.to_prune, [0, 1, 0])  # the first row is done
    np.testing.assert_allclose(each.values, [0, 1, 0, 1, 0, 2 * curve(1, 2, 0.5), 0, 0, 0])
    each.update(importance)  # of the second row, one is left to go: the rank of 11 is 0
    assert each.values[5] == pytest.approx(2 * curve(1, 2, 0.5) + 0.5)
    np.testing.assert_array_equal(each.left, [1, 0, 1, 0, 1, 1, 1, 1, 1])


def test_masks_are_drawn_with_the_probabilities():
    each = Probabilities(units([4], [1]), 0.05, 0.25)
    each.values = np.array([0, 0.2, 0.9, 1.0])
    rng = np.random.default_rng(0)
    share = np.mean([each.draw(rng) for _ in range(2000)], axis=0)
    np.testing.assert_allclose(share, [1, 0.8, 0.1, 0], atol=0.03)
    assert share[0] == 1
    assert share[3] == 0


def test_what_is_left_too_long_goes_by_rank():
    each = Probabilities(units([5, 3], [2, 1]), 0.05, 0.25)
    each.importance = np.array([9, 1, 5, 4, 3, 1, 2, 3.0])
    each.values = np.array([1, 0.3, 0, 0, 0.9, 0, 1, 1.0])
    mask = each.mask()
    np.testing.assert_array_equal(mask, [0, 0, 1, 1, 0, 1, 0, 0])
    each.units.check(mask)


def test_importance_remembers():
    each = Probabilities(units([3], [1]), 0.05, 0.25, smoothing=0.5)
    each.update(np.array([4, 2, 1.0]))
    each.update(np.array([1, 2, 3.0]))
    np.testing.assert_array_equal(each.importance, [3, 3, 3.5])
