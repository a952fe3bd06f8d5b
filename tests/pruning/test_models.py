from fractions import Fraction

import pytest
from torch import nn

from pruning import zoo
from pruning.granularities import GRANULARITIES, units
from pruning.graph_module import GraphModule
from pruning.masks import pruned
from pruning.models import Model, model_of
from pruning.quantise import quantise
from tests.pruning.imports import pixels


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_counts_are_those_of_the_integer_network(trained: Model, digits, granularity: str):
    found = trained.module.graph
    chosen = units(found, granularity, Fraction(2, 3))
    masks = {unit.name: unit.strongest(-unit.rows) for unit in chosen}
    model = Model(GraphModule(pruned(found, chosen, masks)), trained.pixels)
    network = quantise(model.real_network, digits.validation.images[:50], name="small")
    assert (model.macs, model.parameters) == (network.macs, network.parameters)
    assert model.macs < trained.macs


def test_published_sizes():
    model = model_of(zoo.build("resnet56"), pixels((3, 32, 32)))
    assert model.macs == 125_485_696
    folded = sum(
        layer.weight.numel() + layer.weight.shape[0]
        for layer in zoo.build("resnet56").modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    )
    assert model.parameters == folded
