from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pruning import zoo
from pruning.constraints import Constraints
from pruning.granularities import GRANULARITIES, candidates, units
from pruning.graph import Graph
from pruning.importing import graph_of
from pruning.masks import masked
from pruning.units import Units
from tests.pruning.imports import Model, conv, pixels

SHAPE = (3, 8, 8)
HALF = Fraction(1, 2)


def net() -> nn.Module:
    return nn.Sequential(
        conv(3, 4),
        nn.BatchNorm2d(4),
        conv(4, 6),
        conv(6, 6, groups=6),
        conv(6, 8, 1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 5),
    )


@pytest.fixture
def found() -> Graph:
    return graph_of(net(), pixels(SHAPE))


def one(found: Graph, granularity: str, layer: str, share: Fraction = HALF, **more) -> Units:
    (unit,) = units(found, granularity, share, Constraints(layers=(layer,), **more))
    return unit


@pytest.mark.parametrize(
    ("granularity", "names"),
    [
        ("feature-map", ["layer2", "layer4"]),  # those of 3 go with those of 2
        ("kernel", ["layer2", "layer3", "layer4"]),
        ("kernel-group", ["layer2", "layer3", "layer4"]),
        ("column", ["layer2", "layer3"]),  # kernels of 4 have one place
        ("intra-kernel", ["layer2", "layer3"]),
        ("intra-kernel-free", ["layer2", "layer3"]),
        ("weight", ["layer2", "layer3", "layer4"]),
    ],
)
def test_what_is_pruned_where_nothing_is_said(found: Graph, granularity: str, names: list[str]):
    assert [candidate.name for candidate in candidates(found, granularity)] == names


def test_layers_are_named_or_protected_by_place_or_name(found: Graph):
    chosen = candidates(found, "kernel", Constraints(layers=("0", "layer7", "4"), protect=("4",)))
    assert [(c.name, c.count) for c in chosen] == [("layer0", 12), ("layer7", 40)]
    chosen = candidates(found, "feature-map", Constraints(layers=("0",)))
    assert [(c.name, c.count) for c in chosen] == [("layer0", 4)]
    chosen = candidates(found, "feature-map", Constraints(protect=("3",)))
    assert [c.name for c in chosen] == ["layer4"]
    linear = candidates(graph_of(zoo.build("mlp"), pixels((1, 28, 28))), "kernel")
    assert [c.count for c in linear] == [300, 30000, 1000]


def labels(unit: Units) -> np.ndarray:
    (only,) = unit.labels.values()
    return only


def test_kernels(found: Graph):
    unit = one(found, "kernel", "2")
    assert (unit.count, unit.keep.tolist()) == (24, [12])
    np.testing.assert_array_equal(
        labels(unit), np.arange(24).reshape(6, 4)[:, :, None, None] + np.zeros((3, 3), int)
    )
    balanced = one(found, "kernel", "2", Fraction(5, 8), balanced=True)
    assert balanced.keep.tolist() == [2] * 6
    assert np.bincount(balanced.rows).tolist() == [4] * 6
    assert one(found, "kernel", "2", Fraction(7, 10), multiple=5).keep.tolist() == [15]


def test_kernels_of_a_linear_layer_are_its_maps(found: Graph):
    unit = one(found, "kernel", "7")
    assert unit.count == 5 * 8
    expected = np.repeat(np.arange(40).reshape(5, 8), 16, axis=1)
    np.testing.assert_array_equal(labels(unit), expected)


def test_kernels_behind_means_of_maps_have_one_weight():
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        means = self.norm(self.conv(x).mean((2, 3)))  # 64 of them; a map has as many pixels
        return self.second(torch.relu(self.first(means)))

    parts = {"conv": conv(3, 64), "first": nn.Linear(64, 5), "second": nn.Linear(5, 3)}
    found = graph_of(Model(forward, norm=nn.BatchNorm1d(64), **parts), pixels(SHAPE))
    counts = [one(found, "kernel", layer).count for layer in ("first", "second")]
    assert counts == [320, 15]
    with pytest.raises(ValueError, match=r"^layer 'first' has kernels of one weight: prune"):
        one(found, "intra-kernel", "first")


def test_groups_share_their_mask_within_groups_of_the_convolution(found: Graph):
    unit = one(found, "kernel-group", "2", group=4)
    block = labels(unit)[:, :, 0, 0]
    assert unit.count == 8
    np.testing.assert_array_equal(block, np.repeat([range(4), range(4, 8)], [4, 2], axis=0))
    grouped = graph_of(nn.Sequential(conv(3, 4), conv(4, 6, groups=2)), pixels(SHAPE))
    block = labels(one(grouped, "kernel-group", "1", group=2))[:, :, 0, 0]
    np.testing.assert_array_equal(block[:, 0], [0, 0, 2, 4, 4, 6])


def test_columns_are_places_that_all_outputs_share(found: Graph):
    unit = one(found, "column", "2", Fraction(1, 3))
    assert (unit.count, unit.keep.tolist()) == (36, [12])
    np.testing.assert_array_equal(labels(unit)[5], np.arange(36).reshape(4, 3, 3))
    depthwise = one(found, "column", "3")
    np.testing.assert_array_equal(labels(depthwise).ravel(), np.arange(54))


def test_weights(found: Graph):
    unit = one(found, "weight", "4", Fraction(1, 5))
    assert (unit.count, unit.keep.tolist()) == (48, [9])


@pytest.mark.parametrize("share", [Fraction(1, 2), Fraction(1, 3), Fraction(7, 10), Fraction(1)])
def test_grids_keep_one_offset_of_a_stride_and_no_more_than_the_share(share: Fraction):
    found = graph_of(nn.Sequential(conv(3, 5), conv(5, 8)), pixels(SHAPE))
    unit = one(found, "intra-kernel", "1", share)
    rng = np.random.default_rng(0)
    mask = unit.strongest(rng.random(unit.count))
    survivors = mask[labels(unit)].reshape(8, 5, 9)
    assert (survivors == survivors[:1]).all()  # kernels that read a map share their grid
    for channel in survivors[0]:
        places = np.flatnonzero(channel)
        stride = places[1] - places[0]
        np.testing.assert_array_equal(places, np.arange(places[0], 9, stride))
        assert places[0] < stride <= 3
    assert survivors.mean() <= share
    most = unit.strongest(-(np.arange(unit.count) - unit.starts[unit.rows]))[labels(unit)].mean()
    assert share - Fraction(1, 10) < most <= share  # every grid from its first place
    free = one(found, "intra-kernel-free", "1", share)
    assert free.keep.tolist() == [1] * 40
    drawn = free.strongest(rng.random(free.count))[labels(free)]
    assert drawn.mean() <= share
    assert share == 1 or (drawn != drawn[:1]).any()


def test_the_denser_grids_go_where_they_keep_the_most(found: Graph):
    module = nn.Sequential(conv(3, 4), conv(4, 6))
    with torch.no_grad():
        module.get_parameter("1.weight")[:, 2] *= 10
    unit = one(graph_of(module, pixels(SHAPE)), "intra-kernel", "1", Fraction(4, 10))
    assert np.bincount(unit.rows).tolist() == [3, 3, 2, 3]


def test_what_is_pruned_already_competes_no_more(found: Graph):
    first = one(found, "kernel", "2", Fraction(3, 4))
    dead = np.isin(np.arange(24), (1, 5, 6, 7, 12, 23))
    again = masked(found, [first], {"layer2": ~dead})
    unit = one(again, "kernel", "2", Fraction(1, 2))
    assert (unit.count, unit.keep.tolist()) == (18, [12])
    assert (labels(unit)[0, 1] == -1).all()
    assert labels(unit)[0, 2, 0, 0] == 1
    assert one(again, "kernel", "2", Fraction(9, 10)).keep.tolist() == [18]


REFUSALS = [
    ("kernels", {}, r"^granularity must be one of feature-map, kernel, .*, not 'kernels'$"),
    ("column", {"balanced": True}, r"^balanced must be asked of kernel or kernel-group, not col"),
    ("kernel", {"layers": ("conv9",)}, r"^layer must be one of 0, 2, 3, 4, 7, not 'conv9'$"),
    ("column", {"layers": ("4",)}, r"^layer '4' has kernels of one weight: prune kernels$"),
    ("feature-map", {"layers": ("7",)}, r"^layer '7': its feature maps leave the network, and"),
    ("feature-map", {"protect": ("2", "4")}, r"^no layer can be pruned by feature-map$"),
    ("feature-map", {"multiple": 7}, r"^layer 'layer2' must keep a multiple of 7 of its 6 units$"),
]


@pytest.mark.parametrize(("granularity", "asked", "sentence"), REFUSALS)
def test_what_cannot_be_is_said(found: Graph, granularity: str, asked: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        units(found, granularity, HALF, Constraints(**asked))


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        (Fraction(0), r"^layer 'layer2': share must be above 0 and at most 1, not 0.0$"),
        ({"layer2": Fraction(3, 2)}, r"^layer 'layer2': share must be above 0 and at most 1"),
        ({"layer5": HALF}, r"^pruned layer must be one of layer2, layer3, layer4, not 'layer5'$"),
    ],
)
def test_shares_that_cannot_be(found: Graph, shares, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        units(found, "kernel", shares)
    with pytest.raises(ValueError, match=r"^layer 'layer2': grids must keep at least 1/3 of ker"):
        units(found, "intra-kernel", Fraction(1, 4))


def test_constraints_are_positive():
    with pytest.raises(ValueError, match=r"^multiple must be at least 1, not 0$"):
        Constraints(multiple=0)
    with pytest.raises(ValueError, match=r"^group must be at least 1, not 0$"):
        Constraints(group=0)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_every_weight_has_at_most_one_unit(found: Graph, granularity: str):
    for unit in units(found, granularity, HALF):
        for each in (*unit.labels.values(), *unit.owned.values()):
            assert each.min() >= -1
            assert each.max() < unit.count
        met = np.unique(np.concatenate([v.ravel() for v in unit.owned.values()]))
        np.testing.assert_array_equal(met[met >= 0], np.arange(unit.count))


def test_grids_are_dense_where_what_is_left_is_large():
    """The weights that an earlier mask has pruned do not count."""
    found = graph_of(nn.Sequential(conv(3, 2), conv(2, 1)), pixels(SHAPE))
    weight = found.nodes[2].tensors["weight"]
    weight.copy_(torch.tensor([9.0, 1.0])[None, :, None, None])  # of the first map, and the second
    sparse = torch.zeros(weight.shape, dtype=torch.bool)
    sparse[:, 0, 0, 0] = sparse[:, 1] = True

    def strides(graph: Graph) -> list[int]:
        unit = one(graph, "intra-kernel", "1", Fraction(7, 9))  # 14 of 18: one map stays whole
        return np.bincount(unit.rows).tolist()

    assert strides(found) == [1, 2]
    once = found.changed(
        lambda node: replace(node.layer, mask=sparse) if node is found.nodes[2] else node.operation
    )
    assert strides(once) == [2, 1]
