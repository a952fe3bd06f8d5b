from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

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
    selection = LinearEnsembles(masks=40, steps=1, ridge=1).select(problem)
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
    selection = LinearEnsembles(masks=6, steps=1, target="errors").select(problem)
    rng = np.random.default_rng(0)
    scores = [problem.scorer.errors(draw(problem.units, rng)) for _ in range(6)]
    assert selection.log["costs"] == [scores]


def test_the_logarithm_of_the_loss(ask, trained: Model):
    problem = ask(trained, "kernel")
    plain, log = (
        LinearEnsembles(masks=6, steps=1, target=target).select(problem).log["costs"]
        for target in ("loss", "log-loss")
    )
    np.testing.assert_allclose(log, np.log(plain))


@pytest.mark.parametrize("joint", [True, False])
def test_units_go_in_steps_and_do_not_come_back(ask, trained: Model, joint, monkeypatch):
    seen: list[tuple[list[Masks], list[int]]] = []
    plain = Problem.scores

    def scores(self: Problem, masks: Sequence[Masks]) -> list[int]:
        seen.append((list(masks), plain(self, masks)))
        return seen[-1][1]

    monkeypatch.setattr(Problem, "scores", scores)
    problem = ask(trained, "kernel", Fraction(1, 8))
    selector = LinearEnsembles(masks=4, steps=3, joint=joint, target="errors", ridge=1)
    selection = selector.select(problem)
    *steps, last = seen
    # An eighth in three steps: halves, 48 and 80 kernels.
    halves = [64, 32, 16] if joint else [24, 12, 6, 40, 20, 10]
    assert selection.log["kept"] == halves
    assert selection.log["costs"] == [errors for _, errors in steps]
    for at, unit in enumerate(problem.units):
        own = steps if joint else steps[3 * at : 3 * at + 3]
        left = np.ones(unit.count, bool)
        for step, (drawn, errors) in enumerate(own, 1):
            masks = [masks[unit.name] for masks in drawn]
            assert {int(mask.sum()) for mask in masks} == {unit.count >> step}
            assert not any(mask[~left].any() for mask in masks)
            assert len({mask.tobytes() for mask in masks}) > 1
            if not joint:
                assert all(len(masks) == 1 for masks in drawn)
                found = fit(~np.stack(masks), np.array(errors, float), 1).coefficients
                fewer = replace(unit, keep=np.array([unit.count >> step]))
                left = fewer.strongest(np.where(left, found, -np.inf))
        if not joint:
            np.testing.assert_array_equal(selection.masks[unit.name], left)
    assert last == ([selection.masks], list(selection.candidates))


def test_units_go_by_masks_that_keep_by_chance(ask, trained: Model):
    problem = ask(trained, "kernel")
    selection = LinearEnsembles(masks=6, steps=2, keep=0.9).select(problem)
    assert len(selection.log["r2"]) == 2
    for unit in problem.units:
        unit.check(selection.masks[unit.name])


def test_steps_that_remove_nothing_are_skipped(ask, trained: Model):
    problem = ask(trained, "feature-map", Fraction(3, 4))
    selection = LinearEnsembles(masks=3, steps=20).select(problem)
    kept = selection.log["kept"]
    assert kept == sorted(set(kept), reverse=True)
    assert kept[-1] == 6 + 7
    whole = LinearEnsembles(masks=3).select(ask(trained, "feature-map", Fraction(1)))
    assert whole.log["kept"] == []
    assert all(mask.all() for mask in whole.masks.values())


@pytest.mark.parametrize("granularity", ["intra-kernel", "intra-kernel-free"])
def test_short_rows_lose_units_in_turn(ask, trained: Model, granularity):
    problem = ask(trained, granularity)
    kept = LinearEnsembles(masks=2, steps=10).select(problem).log["kept"]
    assert kept == sorted(set(kept), reverse=True)
    assert len(kept) > 7
    assert kept[-1] == sum(len(unit.keep) for unit in problem.units)


def test_a_model_for_each_layer_leaves_the_others_whole(ask, trained: Model):
    problem = ask(trained, "feature-map")
    selection = LinearEnsembles(masks=5, steps=1, joint=False).select(problem)
    rng = np.random.default_rng(0)
    for at, unit in enumerate(problem.units):
        costs = [loss(problem, draw((unit,), rng)) for _ in range(5)]
        np.testing.assert_allclose(selection.log["costs"][at], costs, rtol=1e-5)
    assert selection.log["layers"] == [["conv2"], ["conv3"]]
    assert len(selection.log["r2"]) == len(selection.log["ridge"]) == 2


def test_units_are_kept_by_chance_where_that_is_asked_for(ask, trained: Model):
    problem, rng = ask(trained, "feature-map"), np.random.default_rng(0)
    left = {unit.name: np.arange(unit.count) != 2 for unit in problem.units}
    often = [LinearEnsembles(keep=0.8)._drawn(problem.units, left, rng) for _ in range(500)]
    kept = np.array([masks["conv3"] for masks in often])
    assert not kept[:, 2].any()  # it has gone before
    assert np.abs(np.delete(kept.mean(0), 2) - 0.8).max() < 0.08
    assert len(set(kept.sum(1).tolist())) > 3
    for masks in often[:3]:  # their loss is that of a model with as many units
        counted = [replace(u, keep=masks[u.name].sum(keepdims=True)) for u in problem.units]
        expected = loss(replace(problem, units=tuple(counted)), masks)
        assert problem.scorer.loss(masks) == pytest.approx(expected, rel=1e-5)
    seldom = [LinearEnsembles(keep=0.01)._drawn(problem.units, left, rng) for _ in range(50)]
    assert {int(masks["conv3"].sum()) for masks in seldom} >= {1}
    assert all(mask.any() for masks in seldom for mask in masks.values())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"masks": 1}, "masks must be at least 2, not 1"),
        ({"steps": 0}, "steps must be at least 1, not 0"),
        ({"keep": 1.0}, "keep must be above 0 and below 1, not 1.0"),
        ({"target": "accuracy"}, "target must be one of loss, log-loss, errors, not 'accuracy'"),
        (
            {"target": "errors", "keep": 0.5},
            "target must be loss or log-loss, not 'errors', if keep is set",
        ),
        ({"ridge": 0.0}, "ridge must be above 0, not 0.0"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(ValueError, match=rf"^{message}$"):
        LinearEnsembles(**settings)
