from fractions import Fraction

import numpy as np
import pytest
import torch
from torch.nn import functional

from pruning.constraints import Constraints
from pruning.data import DataSet
from pruning.evaluate import normalise
from pruning.granularities import candidates
from pruning.graph_module import GraphModule
from pruning.models import Model
from pruning.sensitivity import STEPS, Curve, mean_loss, sensitivities, shares_of


def test_curves_are_roots_of_the_rise_and_smooth_between():
    curve = Curve(np.array([0.25, 0.5, 0.75, 1.0]), np.array([2.75, 1.75, 1.0, 0.75]))
    roots = np.sqrt([2.0, 1.0, 0.25, 0.0])
    np.testing.assert_allclose(curve(curve.shares), roots)
    fine = curve(np.linspace(0.25, 1, 301))
    assert (np.diff(fine) <= 0).all()
    assert np.abs(np.diff(fine, 2)).max() < 0.01  # no kink: piecewise lines have one of 0.02
    # Between 0.5 and 0.75, lines fall by 4 (root 2 - 1), 2 and 2 a unit of share.
    before, line, after = -(2**0.5 - 1) * 4, -2.0, -2.0
    slopes = 2 * before * line / (before + line), 2 * line * after / (line + after)
    middle = 0.5 * (1.0 + 0.5) + 0.25 * (slopes[0] - slopes[1]) / 8
    assert curve(np.array([0.625]))[0] == pytest.approx(middle)


def test_curves_never_fall_as_less_survives_and_are_never_below_zero():
    curve = Curve(np.array([0.1, 0.4, 0.7, 1.0]), np.array([1.5, 1.8, 0.9, 1.0]))
    found = curve(np.linspace(0.1, 1, 91))
    assert found[0] == pytest.approx(0.8**0.5)  # the most that was measured above it
    assert (np.diff(found) <= 1e-12).all()
    assert found.min() == 0
    np.testing.assert_array_equal(Curve(np.ones(1), np.ones(1))(np.array([0.5, 1.0])), [0, 0])


def test_shares_are_those_that_a_candidate_can_have(trained: Model):
    graph = trained.module.graph
    maps = {c.name: shares_of(c) for c in candidates(graph, "feature-map")}
    assert maps["conv2"] == [Fraction(n, 8) for n in range(1, 9)]
    constraints = Constraints(multiple=4)
    (conv2, conv3) = candidates(graph, "feature-map", constraints)
    assert shares_of(conv2, constraints) == [Fraction(1, 2), 1]
    assert shares_of(conv3, constraints) == [Fraction(4, 10), Fraction(8, 10), 1]
    for granularity in ("weight", "intra-kernel"):
        for candidate in candidates(graph, granularity):
            shares = shares_of(candidate)
            assert STEPS / 3 < len(shares) <= STEPS
            assert shares[-1] == 1
            assert shares[0] >= candidate.least
            assert shares == sorted(shares)


def test_sensitivities_are_losses_of_one_layer_pruned_by_magnitude(trained: Model, digits: DataSet):
    split = digits.validation[:100]
    curves = sensitivities(trained, split, "kernel", points=(Fraction(1, 2),))
    assert list(curves) == ["conv2", "conv3"]
    curve = curves["conv3"]
    assert curve.shares.tolist() == pytest.approx([1 / 80, 39 / 80, 1])  # every other one

    module = GraphModule(trained.module.graph)
    weight = dict(module.named_parameters())["conv3.weight"]
    sums = weight.detach().abs().sum((2, 3))
    kept = sums.flatten().sort(descending=True).values[round(80 * curve.shares[1]) - 1]
    with torch.no_grad():
        weight *= (sums >= kept)[:, :, None, None]
        scores = module(normalise(split.images, trained.pixels))
    expected = functional.cross_entropy(scores, torch.as_tensor(split.labels))
    assert curve.losses[1] == pytest.approx(float(expected), rel=1e-5)
    assert curve.losses[2] == mean_loss(trained, trained.module.graph, split)
