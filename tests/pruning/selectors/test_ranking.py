from fractions import Fraction

import numpy as np
import pytest

from pruning.graph_module import GraphModule
from pruning.masks import pruned
from pruning.models import Model
from pruning.selectors.problem import draw
from pruning.selectors.ranking import strongest, weights_of


def test_the_largest_survive_and_the_first_of_equals(ask, trained: Model):
    problem = ask(trained, "feature-map", Fraction(1, 2))
    second, third = problem.units
    importance = {second.name: np.array([1, 3, 2, 3, 3, 0, 3, 3.0]), third.name: np.zeros(10)}
    selection = strongest(problem, importance)
    np.testing.assert_array_equal(np.flatnonzero(selection.masks["conv2"]), [1, 3, 4, 6])
    np.testing.assert_array_equal(np.flatnonzero(selection.masks["conv3"]), range(5))
    assert selection.candidates == (problem.scorer.errors(selection.masks),)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_must_be_finite(ask, trained: Model, wrong):
    problem = ask(trained, "feature-map")
    importance = {unit.name: np.zeros(unit.count) for unit in problem.units}
    importance["conv3"][4] = wrong
    with pytest.raises(ValueError, match=r"^layer 'conv3': importance of units must be finite$"):
        strongest(problem, importance)


def test_weights_that_are_masked_are_zero(ask, trained: Model):
    problem = ask(trained, "kernel")
    graph = trained.module.graph
    masks = draw(problem.units, np.random.default_rng(0))
    before, after = weights_of(graph), weights_of(pruned(graph, problem.units, masks))
    again = weights_of(GraphModule(pruned(graph, problem.units, masks)).graph)
    kept = masks["conv2"].reshape(8, 6, 1, 1)
    np.testing.assert_array_equal(after["conv2"], before["conv2"] * kept)
    np.testing.assert_array_equal(again["conv2"], after["conv2"])
    np.testing.assert_array_equal(after["conv1"], before["conv1"])
    assert set(before) == {"conv1", "conv2", "conv3", "linear"}
    assert before["conv2"].dtype == np.float64
