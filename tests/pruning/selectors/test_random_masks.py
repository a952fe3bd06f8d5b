from fractions import Fraction

import numpy as np
import pytest

from pruning.data import DataSet
from pruning.granularities import units
from pruning.models import Model
from pruning.selectors import Problem, RandomMasks, draw


def problem(trained: Model, digits: DataSet, seed: int = 0) -> Problem:
    shares = {"conv2": Fraction(5, 8), "conv3": Fraction(6, 10)}
    return Problem(trained, digits, units(trained.module.graph, "feature-map", shares), seed)


def test_draws_have_the_right_size_and_vary(trained: Model, digits: DataSet):
    rng = np.random.default_rng(0)
    draws = [draw(problem(trained, digits).units, rng) for _ in range(200)]
    assert all(masks["conv2"].sum() == 5 and masks["conv3"].sum() == 6 for masks in draws)
    share = np.mean([masks["conv2"] for masks in draws], axis=0)
    assert np.abs(share - 5 / 8).max() < 0.12  # every map is as likely as any other


def test_the_first_of_the_best_wins(trained: Model, digits: DataSet):
    asked = problem(trained, digits, seed=2)
    selection = RandomMasks(12).select(asked)
    rng = np.random.default_rng(2)
    drawn = [draw(asked.units, rng) for _ in range(12)]
    scores = asked.scores(drawn)
    assert selection.candidates == tuple(scores)
    assert len(set(scores)) > 1
    for layer, mask in drawn[int(np.argmin(scores))].items():
        np.testing.assert_array_equal(selection.masks[layer], mask)


def test_ties_go_to_the_lower_index(trained: Model, digits: DataSet):
    found = trained.module.graph
    whole = Problem(trained, digits, units(found, "feature-map", Fraction(1)), 3)
    assert len(set(RandomMasks(4).select(whole).candidates)) == 1
    asked = problem(trained, digits)
    selection = RandomMasks(30).select(asked)
    rng = np.random.default_rng(0)
    drawn = [draw(asked.units, rng) for _ in range(30)]
    best = [
        at for at, score in enumerate(selection.candidates) if score == min(selection.candidates)
    ]
    for layer, mask in drawn[best[0]].items():
        np.testing.assert_array_equal(selection.masks[layer], mask)


def test_candidates_must_be_positive():
    with pytest.raises(ValueError, match=r"^candidates must be at least 1, not 0$"):
        RandomMasks(0)
