from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from pruning.allocation import by_sensitivity, example_of, uniform
from pruning.budget import Budget
from pruning.constraints import Constraints
from pruning.data import DataSet
from pruning.granularities import GRANULARITIES, candidates
from pruning.models import Model, graph_macs, graph_parameters
from pruning.sensitivity import Curve, sensitivities, shares_of

LEVELS = np.array([0.1, 0.5, 1.0])
NAMES: tuple[str, ...] = ("conv2", "conv3")


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_uniform_shares_are_the_largest_within_the_limit(trained: Model, granularity: str):
    graph, limit = trained.module.graph, trained.macs // 2
    shares = uniform(graph, granularity, graph_macs, limit)
    assert graph_macs(example_of(graph, granularity, shares)) <= limit
    (share,) = set(shares.values())
    known = candidates(graph, granularity)
    steps = {Fraction(n, c.count) for c in known for n in range(1, c.count + 1)}
    larger = {c.name: min(step for step in steps if step > share) for c in known}
    assert graph_macs(example_of(graph, granularity, larger)) > limit


def test_budgets_that_cannot_be_met_are_refused(trained: Model, digits: DataSet):
    graph = trained.module.graph
    curves = dict.fromkeys(NAMES, Curve(LEVELS, 1 - LEVELS))
    message = r"^budget must be at least [\d,]+, the least that kernel pruning leaves, not 100$"
    with pytest.raises(ValueError, match=message):
        uniform(graph, "kernel", graph_macs, 100)
    with pytest.raises(ValueError, match=message):
        by_sensitivity(graph, "kernel", graph_macs, 100, curves)
    price = Budget.parse("multipliers=9 with cycles=1").price(digits.pixels)
    with pytest.raises(ValueError, match=r"^budget cannot be had: no feature-map pruning makes"):
        uniform(graph, "feature-map", price, 9)


@pytest.mark.parametrize("losses", [([4.0, 1.0, 0.0], [9.0, 0.5, 0.0]), ([1, 0.9, 0], [2, 1, 0])])
def test_shares_by_sensitivity_are_nearly_the_best_of_all(trained: Model, losses: tuple):
    graph, granularity = trained.module.graph, "feature-map"
    limit = 0.6 * trained.parameters
    curves = {
        name: Curve(LEVELS, np.array(loss, float)) for name, loss in zip(NAMES, losses, strict=True)
    }
    known = candidates(graph, granularity)

    def disturbed(shares: dict) -> float:
        return sum(curves[name](np.array([float(share)]))[0] for name, share in shares.items())

    every = [
        {c.name: share for c, share in zip(known, chosen, strict=True)}
        for chosen in product(*map(shares_of, known))
    ]
    within = [s for s in every if graph_parameters(example_of(graph, granularity, s)) <= limit]
    args = (graph, granularity, graph_parameters, limit, curves)
    found = by_sensitivity(*args, proxy=graph_parameters)
    assert found in within
    ranks = sorted(disturbed(s) for s in within)
    assert disturbed(dict(found)) <= ranks[len(ranks) // 10]
    assert found == by_sensitivity(*args, proxy=graph_parameters)
    # No layer alone could keep more.
    for candidate in known:
        for share in shares_of(candidate):
            if share > found[candidate.name]:
                assert disturbed({**found, candidate.name: share}) <= disturbed(dict(found))


def test_what_does_not_matter_goes_first(trained: Model):
    graph = trained.module.graph
    idle, dear = Curve(LEVELS, np.zeros(3)), Curve(LEVELS, np.array([5.0, 3.0, 0.0]))
    limit = 0.8 * trained.macs
    found = by_sensitivity(graph, "kernel", graph_macs, limit, {"conv2": idle, "conv3": dear})
    assert found["conv3"] == 1 > found["conv2"]
    whole = by_sensitivity(
        graph, "kernel", graph_macs, trained.macs, {"conv2": dear, "conv3": dear}
    )
    assert set(whole.values()) == {1}


@pytest.mark.parametrize(
    "text",
    ["macs=0.5", "cycles=0.6 with multipliers=16", "memory=0.8", "luts=3400 with cycles=1400"],
)
@pytest.mark.parametrize("constraints", [Constraints(), Constraints(multiple=2)])
def test_budgets_are_met_by_the_hardware_that_is_asked(
    trained: Model, digits: DataSet, text: str, constraints: Constraints
):
    graph, budget = trained.module.graph, Budget.parse(text)
    price, proxy = budget.price(digits.pixels), budget.proxy(digits.pixels)
    limit = budget.limit(price(graph))
    split = digits.validation[:100]
    curves = sensitivities(trained, split, "feature-map", constraints)
    found = by_sensitivity(graph, "feature-map", price, limit, curves, constraints, proxy)
    assert price(example_of(graph, "feature-map", found, constraints)) <= limit
    assert price(graph) > limit
    same = uniform(graph, "feature-map", price, limit, constraints)
    assert price(example_of(graph, "feature-map", same, constraints)) <= limit


def test_memory_and_multiply_adds_are_taken_where_they_are(trained: Model, digits: DataSet):
    """Early maps are large, late kernels many: of equal curves, the price decides."""
    graph = trained.module.graph
    curve = Curve(LEVELS, np.array([3.0, 1.0, 0.0]))
    curves = dict.fromkeys(NAMES, curve)

    def chosen(text: str) -> float:
        budget = Budget.parse(text)
        price, proxy = budget.price(digits.pixels), budget.proxy(digits.pixels)
        args = (graph, "kernel", price, budget.limit(price(graph)), curves)
        shares = by_sensitivity(*args, proxy=proxy)
        return float(shares["conv2"] / shares["conv3"])

    assert chosen("macs=0.6") < chosen("parameters=0.8")
    assert chosen("macs=0.6") < chosen("memory=0.9")
