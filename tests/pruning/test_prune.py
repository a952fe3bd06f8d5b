import json
from fractions import Fraction

import numpy as np
import pytest

from pruning.allocation import example_of
from pruning.budget import Budget
from pruning.constraints import Constraints
from pruning.data import DataSet
from pruning.evaluate import evaluate
from pruning.models import Model
from pruning.prune import prune
from pruning.selectors import RandomMasks
from pruning.train import train


def weights(model: Model) -> list[np.ndarray]:
    return [value.detach().numpy() for value in model.module.parameters()]


def test_pruned_model_meets_the_budget_and_recovers(trained: Model, digits: DataSet):
    said = []
    pruned = prune(
        trained,
        digits,
        ratio=0.5,
        selector=RandomMasks(20),
        seed=3,
        progress=lambda *words: said.append(words[:3]),
    )
    facts = pruned.facts["prune"]
    assert pruned.macs <= trained.macs / 2
    assert facts["macs"] == {"before": trained.macs, "after": pruned.macs}
    assert facts["price"] == facts["macs"]
    assert facts["budget"] == "macs=0.5"
    assert facts["allocation"] == "uniform"
    assert facts["shares"] == {"conv2": 0.6, "conv3": 0.6}
    assert facts["kept"] == {"conv2": 4, "conv3": 6}
    assert facts["errors"] == min(facts["candidates"]) < facts["images"]
    assert facts["selector"] == "random-masks"
    assert facts["settings"] == {"candidates": 20, "all_scores": True}
    assert json.loads(json.dumps(facts)) == facts
    assert said[-1] == ("prune", 20, 20)
    assert "prune" not in trained.facts

    retrained = train(pruned, digits, epochs=4, rate=0.05, batch=32, seed=3)
    assert retrained.macs == pruned.macs
    assert evaluate(retrained, digits.test) > max(0.9, evaluate(pruned, digits.test))


@pytest.mark.parametrize("allocation", ["uniform", "sensitivity"])
def test_pruning_is_decided_by_the_seed(trained: Model, digits: DataSet, allocation: str):
    one, same, other = (
        prune(
            trained,
            digits,
            ratio=0.4,
            allocation=allocation,
            granularity="kernel",
            selector=RandomMasks(3),
            seed=seed,
        )
        for seed in (1, 1, 2)
    )
    assert one.facts == same.facts
    assert all(np.array_equal(*pair) for pair in zip(weights(one), weights(same), strict=True))
    assert one.facts["prune"]["shares"] == other.facts["prune"]["shares"]
    assert one.facts["prune"]["candidates"] != other.facts["prune"]["candidates"]


def test_a_budget_of_cycles_is_met_by_layers_that_bear_it(trained: Model, digits: DataSet):
    budget = Budget.parse("cycles=0.6 with multipliers=16")
    pruned = prune(
        trained, digits, budget=budget, allocation="sensitivity", selector=RandomMasks(2)
    )
    facts, price = pruned.facts["prune"], budget.price(digits.pixels)
    whole = price(trained.module.graph)
    assert facts["budget"] == str(budget)
    assert facts["allocation"] == "sensitivity"
    assert facts["price"] == {"before": whole, "after": price(pruned.module.graph)}
    assert facts["price"]["after"] <= 0.6 * whole
    assert len(set(facts["shares"].values())) > 1
    shares = {
        name: Fraction(share).limit_denominator(100) for name, share in facts["shares"].items()
    }
    example = example_of(trained.module.graph, "feature-map", shares)
    assert price(example) == facts["price"]["after"]  # of maps, the shapes say it all


def test_shares_can_be_given(trained: Model, digits: DataSet):
    pruned = prune(
        trained,
        digits,
        shares=Fraction(1, 2),
        granularity="kernel",
        selector=RandomMasks(2),
        constraints=Constraints(protect=("conv3",)),
    )
    facts = pruned.facts["prune"]
    assert (facts["budget"], facts["allocation"]) == (None, "given")
    assert facts["kept"] == {"conv2": 24}
    assert facts["shares"] == {"conv2": 0.5}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"ratio": 1.0}, r"^ratio must be at least 0 and below 1, not 1.0$"),
        ({"ratio": 0.999}, r"^budget must be at least [\d,]+, the least that feature-map pruning"),
        ({"allocation": "best"}, r"^allocation must be one of uniform, sensitivity, not 'best'$"),
    ],
)
def test_what_cannot_be_had_is_refused(trained: Model, digits: DataSet, given: dict, message: str):
    with pytest.raises(ValueError, match=message):
        prune(trained, digits, selector=RandomMasks(1), **given)
