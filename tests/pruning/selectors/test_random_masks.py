from fractions import Fraction

import numpy as np
import pytest

from pruning.data import DataSet
from pruning.granularities import units
from pruning.models import Model
from pruning.selectors import Problem, RandomMasks
from pruning.selectors.problem import draw


def problem(trained: Model, digits: DataSet, seed: int = 0) -> Problem:
    chosen = units(trained.module.graph, "feature-map", Fraction(2, 3))
    return Problem(trained, digits, chosen, seed)


def test_draws_have_the_right_size_and_vary(trained: Model, digits: DataSet):
    asked, rng = problem(trained, digits), np.random.default_rng(0)
    draws = [draw(asked.units, rng) for _ in range(200)]
    for unit in asked.units:
        assert all(masks[unit.name].sum() == unit.keep.sum() for masks in draws)
        share = np.mean([masks[unit.name] for masks in draws], axis=0)
        assert np.abs(share - unit.keep.sum() / unit.count).max() < 0.12


@pytest.mark.parametrize("count", [1, 12])
def test_the_first_of_the_best_wins(trained: Model, digits: DataSet, count: int):
    asked = problem(trained, digits, seed=2)
    selection = RandomMasks(count).select(asked)
    rng = np.random.default_rng(2)
    drawn = [draw(asked.units, rng) for _ in range(count)]
    scores = [asked.scorer.errors(masks) for masks in drawn]
    assert selection.candidates == tuple(scores)
    hasty = RandomMasks(count, all_scores=False).select(asked)
    assert hasty.candidates == (min(scores),)
    for name, mask in drawn[int(np.argmin(scores))].items():
        np.testing.assert_array_equal(selection.masks[name], mask)
        np.testing.assert_array_equal(hasty.masks[name], mask)


def test_progress_ends_with_the_last_mask(trained: Model, digits: DataSet):
    told = []
    asked = problem(trained, digits)
    asked = Problem(trained, digits, asked.units, progress=lambda *said: told.append(said))
    RandomMasks(65).select(asked)
    assert [done for _, done, _, _ in told] == [64, 65]


def test_candidates_must_be_positive():
    with pytest.raises(ValueError, match=r"^candidates must be at least 1, not 0$"):
        RandomMasks(0)
