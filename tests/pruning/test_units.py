import numpy as np
import pytest

from pruning.units import Units


def of(rows: list[int], keep: list[int]) -> Units:
    labels = {"a": np.array([[0, 1, -1], [2, 3, 0]]), "b": np.array([1, 1])}
    return Units("a", "kernel", labels, np.array(rows), np.array(keep))


def test_totals_are_sums_over_the_weights_of_a_unit():
    values = {"a": np.array([[1, 2, 4], [8, 16, 32.5]]), "b": np.array([64, 128])}
    np.testing.assert_array_equal(of([0] * 4, [2]).totals(values), [33.5, 194, 8, 16])
    judged = Units("a", "kernel", {}, np.zeros(2, int), np.array([1]), {"b": np.array([1, 0])})
    np.testing.assert_array_equal(judged.totals(values), [128, 64])


def test_the_strongest_of_every_row_survive_and_the_first_of_equals():
    values = np.array([3, 3, 1, 3, 0, 5, 5])
    units = of([0, 0, 0, 0, 1, 1, 1], [2, 1])
    assert units.strongest(values).tolist() == [True, True, False, False, False, True, False]
    units.check(units.strongest(values))
    assert of([0, 0, 1, 1], [0, 2]).strongest(values[:4]).tolist() == [False, False, True, True]


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.ones(3, bool), r"^mask of 'a' must be bool \(4,\), not bool \(3,\)$"),
        (np.ones(4, int), r"^mask of 'a' must be bool \(4,\), not int64 \(4,\)$"),
        (np.ones(4, bool), r"^mask of 'a' must keep 2 of its units$"),
        (np.array([1, 1, 0, 0], bool), r"^mask of 'a' must keep 2 of its units$"),
    ],
)
def test_masks_that_do_not_fit(mask: np.ndarray, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        of([0, 0, 1, 1], [1, 1]).check(mask)
