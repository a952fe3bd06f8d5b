import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import torch

from pruning.data import DataSet
from pruning.evaluate import evaluate
from pruning.granularities import GRANULARITIES, units
from pruning.graph_module import GraphModule
from pruning.models import Model
from pruning.prune import prune
from pruning.selectors import Probabilistic, Problem
from pruning.selectors.probabilistic import Sampling, maskable
from tests.pruning.scripts import part_of

FAST = Probabilistic(A=0.25, t=2, iterations=400, batch=16)


@pytest.fixture(scope="module")
def data(digits: DataSet) -> DataSet:
    return part_of(digits)


def problem(model: Model, data: DataSet, granularity: str, seed: int = 0) -> Problem:
    return Problem(model, data, units(model.module.graph, granularity, Fraction(1, 2)), seed)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_every_row_has_its_count(trained: Model, data: DataSet, granularity: str):
    asked = problem(trained, data, granularity)
    selection = FAST.select(asked)
    assert selection.log["unfinished"] == []
    assert selection.log["to prune"][-1] == 0
    for unit in asked.units:
        unit.check(selection.masks[unit.name])
        history = np.array(selection.log[f"probability of {unit.name}"])
        assert history.shape == (len(selection.log["iteration"]), min(unit.count, 64))
        assert set(np.unique(history[-1])) <= {0, 1}
        moves = np.diff(history, axis=0)
        assert moves.max() <= FAST.A + 1e-9
        if unit.count <= 64:
            np.testing.assert_array_equal(history[-1] == 1, ~selection.masks[unit.name])
    model = selection.model
    assert model is not None
    assert model.macs == trained.macs  # temporary masks are gone
    before, after = trained.module.state_dict(), model.module.state_dict()
    assert before.keys() == after.keys()
    assert not torch.equal(before["conv1.weight"], after["conv1.weight"])


def test_probabilities_fall_as_well(trained: Model, data: DataSet):
    asked = problem(trained, data, "column")
    selection = dataclasses.replace(FAST, rate=0.05, traced=100).select(asked)
    for unit in asked.units:
        history = np.array(selection.log[f"probability of {unit.name}"])
        open_yet = ((history > 0) & (history < 1)).any(1)
        moves = np.diff(history[open_yet], axis=0)  # before those that stay are set to 0
        fallen = (moves < 0).any(0)
        assert (fallen & selection.masks[unit.name]).any()


def test_selections_are_decided_by_the_seed(trained: Model, data: DataSet):
    before = {key: value.clone() for key, value in trained.module.state_dict().items()}
    one, same, other = (FAST.select(problem(trained, data, "column", seed)) for seed in (1, 1, 2))
    assert one.log == same.log
    assert one.log != other.log
    assert one.model is not None
    assert same.model is not None
    for key, value in one.model.module.state_dict().items():
        assert torch.equal(value, same.model.module.state_dict()[key])
    for key, value in trained.module.state_dict().items():
        assert torch.equal(value, before[key])


def test_masks_of_a_step_are_those_that_are_drawn(trained: Model, data: DataSet):
    """Also on top of masks that are there already."""
    pruned = prune(trained, data, ratio=0.3, granularity="weight")
    asked = problem(pruned, data, "column")
    sampling = Sampling(FAST, asked)
    module = prune(trained, data, ratio=0.3, granularity="weight").module
    own = {name: module.tensors()[f"{name}:mask"].clone() for name in ("conv2", "conv3")}
    assert not sampling(0, module)
    for each in sampling.probabilities:
        each.values = np.linspace(0, 1, each.units.count)
    sampling.rng = np.random.default_rng(5)
    assert not sampling(1, module)
    rng = np.random.default_rng(5)
    for unit in asked.units:
        stays = rng.random(unit.count) >= np.linspace(0, 1, unit.count)
        labels = unit.labels[unit.name]
        expected = np.where(labels < 0, True, stays[labels]) & own[unit.name].numpy()
        found = module.tensors()[f"{unit.name}:mask"].numpy()
        np.testing.assert_array_equal(found, expected)
        assert found.sum() < own[unit.name].sum()


def test_importance_is_the_sum_of_magnitudes_of_what_a_unit_owns(trained: Model, data: DataSet):
    asked = problem(trained, data, "feature-map")
    sampling = Sampling(FAST, asked)
    sampling(0, GraphModule(maskable(trained.module.graph, asked.units)))
    weights = trained.module.tensors()
    for each in sampling.probabilities:
        expected = weights[f"{each.units.name}.weight"].abs().sum((1, 2, 3)).detach().numpy()
        np.testing.assert_allclose(each.importance, expected, rtol=1e-5)


def test_what_has_not_ended_ends_by_rank(trained: Model, data: DataSet):
    asked = problem(trained, data, "kernel")
    short = dataclasses.replace(FAST, iterations=3)
    selection = short.select(asked)
    assert selection.log["iteration"] == [0, 2]
    assert selection.log["unfinished"] == ["conv2", "conv3"]
    for unit in asked.units:
        unit.check(selection.masks[unit.name])
        weight = trained.module.tensors()[f"{unit.name}.weight"].detach().abs().sum((2, 3))
        weakest = int(weight.flatten().argmin())  # three steps do not change that
        assert not selection.masks[unit.name][weakest]


def test_pruning_trains_along_the_way(trained: Model, digits: DataSet):
    said = []
    selector = Probabilistic(A=0.1, t=4, iterations=600, rate=0.01)
    found = prune(
        trained,
        digits,
        ratio=0.5,
        granularity="column",
        selector=selector,
        progress=lambda *words: said.append(words),
    )
    assert found.facts["prune"]["selector"] == "probabilistic"
    assert found.facts["prune"]["settings"]["t"] == 4
    assert found.macs <= trained.macs / 2
    assert evaluate(found, digits.validation) > 0.9  # without retraining
    assert said[0][:3] == ("prune", 0, 600)
    assert said[-1][3] == "0 units are still to go"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"A": 0.0}, r"^A must be above 0 and at most 1, not 0\.0$"),
        ({"u": 1.0}, r"^u must be above 0 and below 1, not 1\.0$"),
        ({"t": 0}, r"^t must be at least 1, not 0$"),
        ({"iterations": 0}, r"^iterations must be at least 1, not 0$"),
        ({"traced": 0}, r"^traced must be at least 1, not 0$"),
        ({"smoothing": 1.0}, r"^smoothing must be at least 0 and below 1, not 1\.0$"),
    ],
)
def test_settings_out_of_range(settings: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        Probabilistic(**settings)
