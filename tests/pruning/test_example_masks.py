from fractions import Fraction

import numpy as np
import pytest

from pruning.example_masks import largest, magnitudes, strongest
from pruning.granularities import GRANULARITIES, units
from pruning.masks import masked, pruned
from pruning.models import Model, graph_macs
from pruning.selectors.problem import draw


def test_strongest_kernels_are_those_of_the_largest_sums(trained: Model):
    graph = trained.module.graph
    chosen = units(graph, "kernel", Fraction(1, 3))
    for unit in chosen:
        mask = strongest(graph, chosen)[unit.name]
        node = next(node for node in graph.nodes if node.name == unit.name)
        sums = node.tensors["weight"].abs().sum((2, 3)).flatten().numpy()
        assert mask.sum() == len(sums) // 3
        assert sums[mask].min() > sums[~mask].max()


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_no_other_masks_leave_more_than_the_largest(trained: Model, granularity: str):
    graph, rng = trained.module.graph, np.random.default_rng(0)
    chosen = units(graph, granularity, Fraction(1, 2))
    most = graph_macs(pruned(graph, chosen, largest(graph, chosen)))
    drawn = [graph_macs(pruned(graph, chosen, draw(chosen, rng))) for _ in range(10)]
    assert most >= max(drawn)
    if not granularity.startswith("intra"):  # units of one size: then they are the strongest
        for name, mask in strongest(graph, chosen).items():
            np.testing.assert_array_equal(largest(graph, chosen)[name], mask)
    else:
        assert most > min(drawn)


def test_magnitudes_are_of_every_layer_with_weights(trained: Model):
    state = trained.module.state_dict()
    found = magnitudes(trained.module.graph)
    assert len(found) == 4  # three convolutions and a linear layer
    for name, value in found.items():
        np.testing.assert_array_equal(value, np.abs(state[f"{name}.weight"].numpy()))


def test_weights_that_are_pruned_already_count_for_nothing(trained: Model):
    graph = trained.module.graph
    (first,) = units(graph, "weight", {"conv2": Fraction(1, 2)})
    largest_first = first.strongest(-first.totals(magnitudes(graph)))  # the large ones go
    graph = masked(graph, [first], {"conv2": largest_first})
    (unit,) = chosen = units(graph, "column", {"conv2": Fraction(1, 2)})
    node = next(node for node in graph.nodes if node.name == "conv2")
    assert node.layer.mask is not None
    living = (node.layer.weight * node.layer.mask).abs().sum(0).flatten().numpy()
    counts = node.layer.mask.sum(0).flatten().numpy()
    assert unit.count == len(living) == 54  # no column is gone as a whole
    sums, mask = living[strongest(graph, chosen)["conv2"]], strongest(graph, chosen)["conv2"]
    assert sums.min() > living[~mask].max()
    mask = largest(graph, chosen)["conv2"]
    assert counts[mask].min() >= counts[~mask].max()
