from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from pruning.constraints import Constraints
from pruning.granularities import units
from pruning.graph import Graph
from pruning.graph_module import GraphModule
from pruning.importing import graph_of
from pruning.masks import masked, pruned, surviving_weights
from pruning.models import Model
from pruning.reals import RealConv
from tests.pruning.imports import conv, pixels

HALF = Fraction(1, 2)


@pytest.fixture
def found() -> Graph:
    module = nn.Sequential(conv(3, 4), conv(4, 6), nn.Flatten(), nn.Linear(384, 5))
    return graph_of(module, pixels((3, 8, 8)))


def test_masks_of_maps_hide_them_from_those_who_read_them(found: Graph):
    (unit,) = units(found, "feature-map", HALF)
    survivors = surviving_weights([unit], {"layer1": np.array([1, 0, 0, 1, 1, 0], bool)})
    assert list(survivors) == ["layer3"]
    kept = survivors["layer3"].reshape(5, 6, 64)
    assert kept[:, [0, 3, 4]].all()
    assert not kept[:, [1, 2, 5]].any()


def test_masks_hold_in_the_forward_pass_and_the_gradient(found: Graph):
    (unit,) = units(found, "kernel", HALF)
    masks = {"layer1": unit.strongest(np.random.default_rng(0).random(24))}
    module = GraphModule(masked(found, [unit], masks))
    module(torch.randn(2, 3, 8, 8)).square().sum().backward()
    gradient = module.get_parameter("1.weight").grad
    assert gradient is not None
    alive = torch.from_numpy(masks["layer1"].reshape(6, 4))
    assert (gradient[~alive] == 0).all()
    assert (gradient[alive] != 0).all()


def test_a_second_mask_leaves_what_both_keep(found: Graph):
    (first,) = units(found, "kernel", HALF)
    once = masked(found, [first], {"layer1": np.arange(24) % 2 == 0})
    (second,) = units(once, "weight", Fraction(1, 4))
    twice = masked(once, [second], {"layer1": second.strongest(np.arange(second.count))})
    mask = twice.nodes[2].tensors["mask"]
    assert (mask & ~once.nodes[2].tensors["mask"]).sum() == 0
    assert mask.sum() == 54
    assert twice.nodes[2].layer.granularity == "weight"


def test_maps_then_kernels_then_a_smaller_network(found: Graph):
    (maps,) = units(found, "feature-map", HALF)
    thin = pruned(found, [maps], {"layer1": np.array([1, 0, 0, 1, 1, 0], bool)})
    asked = Constraints(layers=("1", "3"))
    kernels = units(thin, "kernel", HALF, asked)
    masks = {unit.name: unit.strongest(np.arange(unit.count)) for unit in kernels}
    small = Model(GraphModule(pruned(thin, kernels, masks)), pixels((3, 8, 8)))
    weights = 3 * 4 * 9 + (3 * 4 * 9) // 2 + 7 * 64
    assert small.parameters == weights + 4 + 3 + 5
    network = small.real_network
    x = torch.randn(2, 3, 8, 8)
    (expected,) = network.compute(x).values()
    torch.testing.assert_close(small.module(x), expected.flatten(1), rtol=1e-4, atol=1e-5)
    masks = [layer.mask for layer in network.layers if isinstance(layer, RealConv)]
    assert sum(int(mask.sum()) for mask in masks if mask is not None) == weights - 108


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        ({"layer3": np.ones(10, bool)}, r"^masked layer must be one of layer1, not 'layer3'$"),
        ({"layer1": np.ones(6, bool)}, r"^mask of 'layer1' must keep 3 of its units$"),
    ],
)
@pytest.mark.parametrize("apply", [pruned, masked])
def test_masks_that_do_not_fit_are_refused(found: Graph, masks: dict, sentence: str, apply):
    with pytest.raises(ValueError, match=sentence):
        apply(found, units(found, "feature-map", HALF), masks)


def test_units_of_another_graph_or_of_one_name_are_refused(found: Graph):
    maps, kernels = (units(found, kind, HALF)[0] for kind in ("feature-map", "kernel"))
    masks = {unit: {"layer1": unit.strongest(np.arange(unit.count))} for unit in (maps, kernels)}
    thin = pruned(found, [maps], masks[maps])
    sentence = r"^layer '1': units must be of weights \(3, 4, 3, 3\), not \(6, 4, 3, 3\)$"
    with pytest.raises(ValueError, match=sentence):
        pruned(thin, [kernels], masks[kernels])
    with pytest.raises(ValueError, match=r"^units must differ in their names, not be \['layer1', "):
        pruned(found, [maps, kernels], masks[kernels])
