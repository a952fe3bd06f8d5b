from fractions import Fraction

import numpy as np
import pytest

from pruning.data import DataSet
from pruning.evaluate import errors
from pruning.granularities import GRANULARITIES, units
from pruning.graph_module import GraphModule
from pruning.masks import pruned
from pruning.models import Model
from pruning.selectors import Problem, draw


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("first", [0, 1])
def test_errors_are_those_of_the_whole_pruned_model(
    trained: Model, digits: DataSet, granularity: str, first: int
):
    found = trained.module.graph
    chosen = units(found, granularity, Fraction(4, 5))[first:]
    problem = Problem(trained, digits, chosen)
    rng = np.random.default_rng(first)
    masks = [draw(chosen, rng) for _ in range(4)]
    whole = [GraphModule(pruned(found, chosen, each)) for each in masks]
    expected = [errors(module, trained.pixels, digits.validation) for module in whole]
    assert problem.scores(masks) == expected
    assert len(set(expected)) > 1
