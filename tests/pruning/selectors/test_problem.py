from fractions import Fraction

import numpy as np

from pruning.data import DataSet
from pruning.evaluate import errors
from pruning.granularities import units
from pruning.graph_module import GraphModule
from pruning.masks import pruned
from pruning.models import Model
from pruning.selectors import Problem
from pruning.selectors.problem import draw


def test_scores_are_errors_of_the_whole_cut_model(trained: Model, digits: DataSet):
    chosen = units(trained.module.graph, "feature-map", Fraction(2, 3))
    problem = Problem(trained, digits, chosen)
    rng = np.random.default_rng(0)
    masks = [draw(chosen, rng) for _ in range(6)]
    cuts = [GraphModule(pruned(trained.module.graph, chosen, each)) for each in masks]
    counts = [errors(cut, trained.pixels, digits.validation) for cut in cuts]
    assert problem.scores(masks) == counts
    assert problem.best(iter(masks)) == (int(np.argmin(counts)), min(counts))
    assert len(set(counts)) > 1
