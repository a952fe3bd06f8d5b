from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from pruning import zoo
from pruning.coupling import Coupling
from pruning.granularities import units
from pruning.graph_module import GraphModule
from pruning.importing import graph_of
from pruning.masks import pruned, surviving_weights
from pruning.surgery import cut
from tests.pruning.imports import Model, conv, pixels, shaken


def shuffled_branches() -> nn.Module:
    """Everything that couples: shortcuts by padding, concat, depthwise, groups, flatten."""

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.bn(self.stem(x)))
        wide = self.b(torch.relu(self.a(x)))
        shortcut = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 3))
        y = torch.relu(wide + shortcut) * 1.5
        y = torch.cat((self.depthwise(y), self.grouped(y)), 1)
        y = nn.functional.max_pool2d(torch.relu(y), 3, 2, 1)
        return self.linear(self.hidden(y.flatten(1)).clamp(0, 6))

    return Model(
        forward,
        stem=nn.Conv2d(3, 6, 3, padding=1, bias=False),
        bn=nn.BatchNorm2d(6),
        a=conv(6, 5),
        b=nn.Conv2d(5, 10, 3, 2, 1),
        depthwise=conv(10, 10, groups=10),
        grouped=conv(10, 8, 1, groups=2),
        hidden=nn.Linear(162, 9),
        linear=nn.Linear(9, 4),
    )


def shared() -> nn.Module:
    """One normalisation behind two layers, one bias of two, and weights that are walked twice."""

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        y = torch.cat([torch.relu(self.bn(part(x))) for part in (self.a, self.b)], 1)
        y = torch.relu(self.twice(torch.relu(self.twice(self.into(y)))))
        z = nn.functional.conv2d(y, self.c.weight, self.d.bias, padding=1)
        return self.linear(torch.cat((z, self.d(y)), 1).mean((2, 3)))

    parts = {"stem": conv(3, 4), "a": conv(4, 6), "b": conv(4, 6), "into": conv(12, 5)}
    parts |= {"twice": conv(5, 5), "c": conv(5, 7, bias=False), "d": conv(5, 7)}
    return Model(forward, bn=nn.BatchNorm2d(6), linear=nn.Linear(14, 4), **parts)


OWN = {"branches": shuffled_branches, "shared": shared}
NETS = {name: (name, zoo.SHAPES[name]) for name in zoo.MODELS}
NETS |= {name: (name, (3, 12, 12)) for name in OWN}


def module_of(name: str) -> nn.Module:
    module = OWN[name]() if name in OWN else zoo.build(name, seed=1)
    for layer in module.modules():
        if isinstance(layer, nn.Dropout | nn.Dropout2d):
            layer.p = 0.0  # draws by the shape of its maps
    return shaken(module)


@pytest.mark.parametrize("name", NETS)
def test_the_cut_net_is_the_one_that_never_reads_the_maps(name: str):
    """Compare with the model's own module, the weights of its consumers set to zero."""
    _, shape = NETS[name]
    module = module_of(name)
    found = graph_of(module, pixels(shape))
    chosen = units(found, "feature-map", Fraction(3, 5))
    rng = np.random.default_rng(5)
    masks = {unit.name: unit.strongest(rng.random(unit.count)) for unit in chosen}
    smaller = GraphModule(pruned(found, chosen, masks))
    assert sum(p.numel() for p in smaller.parameters()) < 0.8 * sum(
        p.numel() for p in module.parameters()
    )
    keys = {node.name: node.key("weight") for node in found.nodes if "weight" in node.tensors}
    with torch.no_grad():
        for layer, survivors in surviving_weights(chosen, masks).items():
            module.get_parameter(keys[layer]).mul_(torch.from_numpy(survivors))
    x = torch.randn(4, *shape, generator=torch.Generator().manual_seed(2)).double()
    module, smaller = module.double(), smaller.double()
    for training in (False, True):
        with torch.no_grad():
            expected, result = module.train(training)(x), smaller.train(training)(x)
        scale = float(expected.abs().max())
        torch.testing.assert_close(result, expected, rtol=0, atol=1e-9 * scale)


def test_cut_remembers_where_maps_were():
    found = graph_of(nn.Sequential(conv(3, 6), conv(6, 4)), pixels((3, 8, 8)))
    coupling = Coupling(found)
    numbers = coupling.maps[found.nodes[1]]
    once = cut(found, numbers[[1, 4]])
    assert once.nodes[1].layer.channels == (0, 2, 3, 5)
    assert once.nodes[2].layer.channels == ()
    twice = cut(once, Coupling(once).maps[once.nodes[1]][[0, 3]])
    assert twice.nodes[1].layer.channels == (2, 3)
    weight = found.nodes[1].tensors["weight"]
    torch.testing.assert_close(twice.nodes[1].tensors["weight"], weight[[2, 3]])
    assert twice.nodes[1].shape == (2, 8, 8)


@pytest.mark.parametrize(
    ("layer", "channels", "sentence"),
    [
        (1, range(6), r"^layer '0' must keep at least one feature map$"),
        (2, [0], r"^layer '1' must keep its channels, which leave or enter$"),
        (0, [0], r"^layer 'input' must keep its channels, which leave or enter$"),
    ],
)
def test_what_must_stay_is_not_cut(layer: int, channels: list[int], sentence: str):
    found = graph_of(nn.Sequential(conv(3, 6), conv(6, 4)), pixels((3, 8, 8)))
    numbers = Coupling(found).maps[found.nodes[layer]]
    with pytest.raises(ValueError, match=sentence):
        cut(found, numbers[list(channels)])
