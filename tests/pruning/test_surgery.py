import copy

import numpy as np
import pytest
import torch
from torch import nn

from pruning.data import Pixels
from pruning.masks import mask
from pruning.models import Model, chain
from pruning.surgery import cut
from pruning.units import feature_maps

COLOUR = Pixels((3, 12, 12), 8, (0.02, 0.02, 0.02), (100, 110, 120))
TWO_LINEARS = nn.Sequential()
for _name, _layer in (
    ("a", nn.Conv2d(3, 6, (3, 5), padding=(1, 2))),
    ("pool", nn.MaxPool2d(3, 2, 1)),
    ("relu1", nn.ReLU()),
    ("b", nn.Conv2d(6, 5, 3, stride=2, dilation=2)),
    ("bn", nn.BatchNorm2d(5)),
    ("relu2", nn.ReLU()),
    ("flatten", nn.Flatten()),
    ("c", nn.Linear(5, 7)),
    ("relu3", nn.ReLU()),
    ("d", nn.Linear(7, 4)),
):
    TWO_LINEARS.add_module(_name, _layer)


def some(count: int, seed: int) -> np.ndarray:
    chosen = np.random.default_rng(seed).random(count) < 0.6
    chosen[seed % count] = True
    return chosen


CASES = [
    (chain(COLOUR, widths=(6, 8, 10), pools=(1, 3), seed=3), ("conv1", "conv2", "conv3")),
    (chain(COLOUR, widths=(4, 9), pools=(), seed=4), ("conv2",)),
    (Model(TWO_LINEARS, COLOUR), ("a", "b", "c")),
]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("model", "layers"), CASES)
def test_cut_equals_masked(model: Model, layers: tuple[str, ...], training: bool):
    torch.manual_seed(7)
    model = copy.deepcopy(model)
    for key, value in model.module.state_dict().items():  # not those of a fresh layer
        if "running" in key or key.startswith("bn"):
            value.copy_(torch.empty(value.shape).uniform_(0.5, 2))
    counts = {unit.layer: unit.count for unit in feature_maps(model.module)}
    masks = {name: some(counts[name], seed) for seed, name in enumerate(layers, 2)}
    smaller, masked = cut(model, masks), mask(model, masks)
    assert smaller.parameters < model.parameters == masked.parameters
    assert smaller.macs < model.macs
    x = torch.randn(5, 3, 12, 12)
    expected = masked.module.train(training)(x)
    assert not torch.allclose(expected, model.module.train(training)(x), atol=1e-3)
    torch.testing.assert_close(smaller.module.train(training)(x), expected, rtol=0, atol=1e-6)


def test_cut_remembers_where_maps_were(trained: Model):
    before = {key: value.clone() for key, value in trained.module.state_dict().items()}
    once = cut(trained, {"conv2": np.array([1, 0, 1, 1, 0, 1, 1, 1], bool)})
    twice = cut(once, {"conv2": np.array([0, 1, 1, 0, 1, 1], bool)})
    assert once.channels == {"conv2": (0, 2, 3, 5, 6, 7)}
    assert twice.channels == {"conv2": (2, 3, 6, 7)}
    assert trained.channels == {}
    assert torch.equal(
        twice.module.get_parameter("conv2.weight"), before["conv2.weight"][[2, 3, 6, 7]]
    )
    with torch.no_grad():
        for parameter in once.module.parameters():
            parameter.fill_(0)
    for key, value in trained.module.state_dict().items():  # nothing is shared
        assert torch.equal(value, before[key])
