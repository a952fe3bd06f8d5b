import numpy as np
import pytest

from pruning.constraints import Constraints
from pruning.granularities import BALANCED, GRANULARITIES
from pruning.models import Model
from pruning.selectors.evolution import crossed, mutated
from pruning.selectors.problem import draw
from pruning.units import Units

CASES = [(g, Constraints()) for g in GRANULARITIES]
CASES += [(g, Constraints(balanced=True, group=2)) for g in BALANCED]


def rows(keep: tuple[int, ...], sizes: tuple[int, ...]) -> Units:
    """Units of a layer, by rows; what weights they have does not matter."""
    return Units("layer", "kernel", {}, np.repeat(np.arange(len(sizes)), sizes), np.array(keep))


@pytest.mark.parametrize(("granularity", "constraints"), CASES)
def test_counts_of_every_row_stay(ask, trained: Model, granularity, constraints):
    units = ask(trained, granularity, constraints=constraints).units
    rng = np.random.default_rng(0)
    changed = 0
    for _ in range(5):
        first, second = draw(units, rng), draw(units, rng)
        child = crossed(units, first, second, rng)
        mutant = mutated(units, first, 0.3, rng)
        for unit in units:
            unit.check(child[unit.name])
            unit.check(mutant[unit.name])
            both = first[unit.name] & second[unit.name]
            none = ~first[unit.name] & ~second[unit.name]
            assert child[unit.name][both].all()
            assert not child[unit.name][none].any()
            changed += int((mutant[unit.name] != first[unit.name]).sum())
    assert changed


def test_a_child_has_what_its_parents_agree_upon_and_any_of_the_rest():
    unit = rows((3, 1), (6, 2))
    first = {"layer": np.array([1, 1, 1, 0, 0, 0, 1, 0], bool)}
    second = {"layer": np.array([1, 0, 0, 1, 1, 0, 0, 1], bool)}
    rng = np.random.default_rng(1)
    children = np.array([crossed([unit], first, second, rng)["layer"] for _ in range(3000)])
    # Of the four units of the first row about which they differ, two survive.
    expected = [1, 0.5, 0.5, 0.5, 0.5, 0, 0.5, 0.5]
    np.testing.assert_allclose(children.mean(0), expected, atol=0.04)
    assert len(np.unique(children, axis=0)) == 6 * 2  # and any two


def test_parents_that_are_alike_have_no_other_child():
    unit, rng = rows((2,), (5,)), np.random.default_rng(2)
    mask = {"layer": np.array([0, 1, 0, 0, 1], bool)}
    np.testing.assert_array_equal(crossed([unit], mask, mask, rng)["layer"], mask["layer"])


def test_no_swap_and_every_swap():
    unit, rng = rows((2, 3), (5, 4)), np.random.default_rng(3)
    mask = {"layer": np.array([0, 1, 0, 0, 1, 1, 1, 1, 0], bool)}
    np.testing.assert_array_equal(mutated([unit], mask, 0, rng)["layer"], mask["layer"])
    for _ in range(10):
        found = mutated([unit], mask, 1, rng)["layer"]
        unit.check(found)
        assert not found[[1, 4]].any()  # two of two kept units are swapped
        assert found[8]  # and the one that is pruned, for one of three
        assert found[5:8].sum() == 2


def test_swaps_are_as_frequent_as_they_should_be():
    unit, rng = rows((20,), (60,)), np.random.default_rng(4)
    mask = {"layer": np.arange(60) < 20}
    found = np.array([mutated([unit], mask, 0.1, rng)["layer"] for _ in range(2000)])
    np.testing.assert_allclose(found.mean(0)[:20], 0.9, atol=0.03)
    np.testing.assert_allclose(found.mean(0)[20:], 0.1 * 20 / 40, atol=0.03)


def test_rows_of_which_all_units_survive_cannot_change():
    unit, rng = rows((3,), (3,)), np.random.default_rng(5)
    mask = {"layer": np.ones(3, bool)}
    np.testing.assert_array_equal(mutated([unit], mask, 1, rng)["layer"], mask["layer"])
