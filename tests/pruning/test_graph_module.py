import copy
from collections import OrderedDict
from typing import Any

import pytest
import torch
from torch import nn

from pruning import zoo
from pruning.graph import Dropout
from pruning.graph_module import GraphModule
from pruning.importing import graph_of
from pruning.models import model_of
from pruning.unsupported import UnsupportedLayer
from tests.pruning.imports import Model, conv, pixels, shaken

SHAPE = (3, 8, 8)
SMALL = ("chain", "lenet5", "mlp", "resnet8", "resnet20", "ds-cnn")


def shape_of(name: str) -> tuple[int, int, int]:
    return zoo.SHAPES[name]


def quiet(module: nn.Module) -> nn.Module:
    """Turn dropout off, which draws at random."""
    for layer in module.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    return module


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", SMALL)
def test_computes_what_the_module_does(name: str, training: bool):
    module = shaken(quiet(zoo.build(name, seed=2)))
    copied = model_of(module, pixels(shape_of(name))).module.train(training)
    module.train(training)
    x = torch.randn(6, *shape_of(name), generator=torch.Generator().manual_seed(3))
    for _ in range(2):  # the second time sees the statistics of the first
        torch.testing.assert_close(copied(x), module(x), rtol=1e-4, atol=1e-4)
    state = module.state_dict()
    assert {k for k in state if "num_batches" not in k} == set(copied.state_dict())
    for key, value in copied.state_dict().items():
        torch.testing.assert_close(value, state[key], rtol=1e-4, atol=1e-4)


def test_gradients_are_those_of_the_module():
    module = shaken(zoo.build("resnet8", seed=1)).train()
    copied = model_of(module, pixels((3, 32, 32))).module.train()
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    for each in (module, copied):
        each(x).square().mean().backward()
    expected = {name: p.grad for name, p in module.named_parameters()}
    found = {name: p.grad for name, p in copied.named_parameters()}
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        assert gradient is not None
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-6)


def test_maps_of_one_pixel_with_and_without_axes():
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        flat = self.conv(x).mean((2, 3))
        pooled = nn.functional.adaptive_avg_pool2d(x, 1)
        again = self.point(pooled)
        return torch.cat((flat, pooled.flatten(1), again.squeeze(-1).squeeze(-1)), 1)

    module = Model(forward, conv=conv(), point=nn.Conv2d(3, 2, 1))
    x = torch.randn(2, *SHAPE)
    torch.testing.assert_close(model_of(module, pixels(SHAPE)).module(x), module(x))


def test_several_outputs_and_shared_weights():
    def forward(self: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        once = self.conv(x)
        return once, self.conv(once)

    module = Model(forward, conv=conv(3, 3))
    copied = model_of(module, pixels(SHAPE)).module
    assert [key for key, _ in copied.named_parameters()] == ["conv.weight", "conv.bias"]
    x = torch.randn(2, *SHAPE)
    for found, expected in zip(copied(x), module(x), strict=True):
        torch.testing.assert_close(found, expected)


def test_the_graph_has_the_tensors_of_now_and_shares_none():
    copied = model_of(zoo.build("chain"), pixels((1, 8, 8))).module
    with torch.no_grad():
        copied.get_parameter("conv2.weight").fill_(3)
    found = copied.graph
    weight = next(n for n in found.nodes if n.name == "conv2").tensors["weight"]
    assert (weight == 3).all()
    weight.fill_(4)
    assert (copied.get_parameter("conv2.weight") == 3).all()
    assert all(t.is_meta for node in copied.structure.nodes for t in node.tensors.values())


def test_copies_learn_on_their_own():
    copied = model_of(zoo.build("chain"), pixels((1, 8, 8))).module
    other = copy.deepcopy(copied)
    with torch.no_grad():
        other.get_parameter("conv2.weight").zero_()
    x = torch.randn(2, 1, 8, 8)
    assert not torch.equal(other(x), copied(x))


def test_dropout_is_on_in_training_alone():
    module = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(192, 4))
    copied = model_of(module, pixels(SHAPE)).module
    x = torch.ones(1, *SHAPE)
    assert torch.equal(copied(x), copied(x))
    copied.train()
    assert not torch.equal(copied(x), copied(x))
    torch.manual_seed(1)
    expected = module.train()(x)
    torch.manual_seed(1)
    assert torch.equal(copied(x), expected)
    whole = nn.Sequential(conv(), nn.Dropout2d(0.25), conv(4, 2))
    operations = [node.operation for node in graph_of(whole, pixels(SHAPE)).nodes]
    assert Dropout(0.25, maps=True) in operations


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (
            Model(lambda self, x: nn.functional.conv2d(x, 2 * self.a.weight), a=conv()),
            r"^layer 'conv2d': its weight must be a parameter$",
        ),
        (
            nn.Sequential(conv(), nn.BatchNorm2d(4, momentum=None)),
            r"^layer '1': momentum must be a number$",
        ),
        (
            nn.Sequential(OrderedDict(graph=nn.Sequential(conv()))),
            r"^layer 'graph\.0': 'graph' in its path must have another name$",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(module: nn.Module, sentence: str):
    found = graph_of(module, pixels(SHAPE))
    with pytest.raises(UnsupportedLayer, match=sentence):
        GraphModule(found)
