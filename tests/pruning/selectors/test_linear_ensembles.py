import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from pruning.evaluate import logits
from pruning.graph_module import GraphModule
from pruning.masks import Masks, pruned
from pruning.models import Model
from pruning.selectors import LinearEnsembles, Problem
from pruning.selectors.additive import fit
from pruning.selectors.problem import draw


def loss(problem: Problem, masks: Masks) -> float:
    """Mean cross-entropy of the whole pruned model."""
    module = GraphModule(pruned(problem.model.module.graph, problem.units, masks))
    split = problem.data.validation
    found = logits(module, problem.model.pixels, split.images)
    return float(cross_entropy(torch.from_numpy(found), torch.from_numpy(split.labels)))


def test_the_units_survive_that_the_model_finds_the_most_costly(ask, trained: Model):
    problem = ask(trained, "feature-map", seed=3)
    selection = LinearEnsembles(masks=40, ridge=1).select(problem)
    rng = np.random.default_rng(3)
    drawn = [draw(problem.units, rng) for _ in range(40)]
    costs = np.array([loss(problem, masks) for masks in drawn])
    np.testing.assert_allclose(selection.log["costs"], [costs], rtol=1e-5)
    second, third = problem.units
    removed = np.array([~np.append(masks["conv2"], masks["conv3"]) for masks in drawn])
    model = fit(removed, costs, 1)
    for unit, values in ((second, model.coefficients[:8]), (third, model.coefficients[8:])):
        np.testing.assert_array_equal(selection.masks[unit.name], unit.strongest(values))
    assert selection.log["layers"] == [["conv2", "conv3"]]
    assert selection.log["r2"] == pytest.approx([model.fitted], rel=1e-4)
    assert selection.log["held-out r2"] == pytest.approx([model.held_out], rel=1e-4)


def test_errors_in_place_of_the_loss(ask, trained: Model):
    problem = ask(trained, "kernel")
    selection = LinearEnsembles(masks=6, target="errors").select(problem)
    rng = np.random.default_rng(0)
    scores = [problem.scorer.errors(draw(problem.units, rng)) for _ in range(6)]
    assert selection.log["costs"] == [scores]


def test_a_model_for_each_layer_leaves_the_others_whole(ask, trained: Model):
    problem = ask(trained, "feature-map")
    selection = LinearEnsembles(masks=5, joint=False).select(problem)
    rng = np.random.default_rng(0)
    for at, unit in enumerate(problem.units):
        costs = [loss(problem, draw((unit,), rng)) for _ in range(5)]
        np.testing.assert_allclose(selection.log["costs"][at], costs, rtol=1e-5)
    assert selection.log["layers"] == [["conv2"], ["conv3"]]
    assert len(selection.log["r2"]) == len(selection.log["ridge"]) == 2


def test_units_are_kept_by_chance_where_that_is_asked_for(ask, trained: Model):
    problem, rng = ask(trained, "feature-map"), np.random.default_rng(0)
    often = [LinearEnsembles(keep=0.8)._drawn(problem.units, rng) for _ in range(500)]
    kept = np.array([masks["conv3"] for masks in often])
    assert np.abs(kept.mean(0) - 0.8).max() < 0.08
    assert len(set(kept.sum(1).tolist())) > 3
    seldom = [LinearEnsembles(keep=0.01)._drawn(problem.units, rng) for _ in range(50)]
    assert {int(masks["conv3"].sum()) for masks in seldom} >= {1}
    assert all(mask.any() for masks in seldom for mask in masks.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"masks": 1}, "masks must be at least 2, not 1"),
        ({"keep": 1.0}, "keep must be above 0 and below 1, not 1.0"),
        ({"target": "accuracy"}, "target must be loss or errors, not 'accuracy'"),
        ({"target": "errors", "keep": 0.5}, "target must be loss, not 'errors', if keep is set"),
        ({"ridge": 0.0}, "ridge must be above 0, not 0.0"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        LinearEnsembles(**settings)
