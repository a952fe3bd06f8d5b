from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from pruning.graph_module import GraphModule
from pruning.masks import pruned, weights_of
from pruning.models import Model
from pruning.selectors import Problem
from pruning.selectors.problem import draw
from pruning.selectors.ranking import Importance, Ranking


@dataclass(frozen=True)
class Given(Ranking):
    """Ranks by numbers that are given."""

    values: tuple[tuple[str, tuple[float, ...]], ...]

    def importance(self, problem: Problem) -> Importance:
        return {name: np.array(values) for name, values in self.values}


def test_the_largest_survive_and_the_first_of_equals(ask, trained: Model):
    problem = ask(trained, "feature-map", Fraction(1, 2))
    second, third = problem.units
    values = ((second.name, (1, 3, 2, 3, 3, 0, 3, 3)), (third.name, (0,) * 10))
    selection = Given(values).select(problem)
    np.testing.assert_array_equal(np.flatnonzero(selection.masks["conv2"]), [1, 3, 4, 6])
    np.testing.assert_array_equal(np.flatnonzero(selection.masks["conv3"]), range(5))
    assert selection.candidates == (problem.scorer.errors(selection.masks),)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_numbers_must_be_finite(ask, trained: Model, wrong):
    problem = ask(trained, "feature-map")
    with pytest.raises(ValueError, match=r"^layer 'conv3': importance of units must be finite$"):
        Given((("conv2", (0,) * 8), ("conv3", (1, wrong, *[2] * 8)))).select(problem)


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
