import numpy as np
import pytest

from pruning.data import DataSet
from pruning.models import Model
from pruning.selectors import Problem, RandomMasks
from pruning.selectors.random_masks import draw
from pruning.units import feature_maps


def problem(trained: Model, digits: DataSet, seed: int = 0) -> Problem:
    units = feature_maps(trained.module)[1:]
    return Problem(trained, digits, units, {"conv2": 5, "conv3": 6}, seed)


def test_draws_have_the_right_size_and_vary(trained: Model, digits: DataSet):
    rng = np.random.default_rng(0)
    draws = [draw(problem(trained, digits), rng) for _ in range(200)]
    assert all(masks["conv2"].sum() == 5 and masks["conv3"].sum() == 6 for masks in draws)
    share = np.mean([masks["conv2"] for masks in draws], axis=0)
    assert np.abs(share - 5 / 8).max() < 0.12  # every map is as likely as any other


def test_the_first_of_the_best_wins(trained: Model, digits: DataSet):
    asked = problem(trained, digits, seed=2)
    selection = RandomMasks(12).select(asked)
    rng = np.random.default_rng(2)
    drawn = [draw(asked, rng) for _ in range(12)]
    scores = [asked.errors(masks) for masks in drawn]
    assert selection.candidates == tuple(scores)
    assert len(set(scores)) > 1
    for layer, mask in drawn[int(np.argmin(scores))].items():
        np.testing.assert_array_equal(selection.masks[layer], mask)


def test_ties_go_to_the_lower_index(trained: Model, digits: DataSet, monkeypatch):
    monkeypatch.setattr(Problem, "errors", lambda self, masks: 7)
    asked = problem(trained, digits)
    first = draw(asked, np.random.default_rng(0))
    for layer, mask in RandomMasks(5).select(asked).masks.items():
        np.testing.assert_array_equal(mask, first[layer])


def test_candidates_must_be_positive():
    with pytest.raises(ValueError, match=r"^candidates must be at least 1, not 0$"):
        RandomMasks(0)
