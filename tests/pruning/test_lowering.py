from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pruning.reals import RealAdd, RealConcat, RealConv, RealMaxPool
from tests.pruning.imports import RELU, SHAPE, Model, conv, imported, kinds, shaken


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_normalisation_is_folded_into_the_only_layer_before():
    layers = nn.Sequential(conv(bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4))
    network = imported(shaken(layers), SHAPE)
    first, second = network.layers
    assert isinstance(first, RealConv)
    assert isinstance(second, RealConv)
    assert (first.groups, first.clip) == (1, RELU)
    assert (second.name, second.groups, second.weight.shape) == ("layer3", 4, (4, 1, 1, 1))


def test_normalisation_of_a_shared_result_is_a_layer_of_its_own():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.conv(x)
        return y + m.bn(y)

    model = shaken(Model(forward, conv=conv(), bn=nn.BatchNorm2d(4)))
    assert kinds(imported(model, SHAPE)) == ["Conv", "Conv", "Add"]


def test_an_activation_behind_pooling_moves_in_front_of_it():
    network = imported(nn.Sequential(conv(), nn.MaxPool2d(2), nn.ReLU()), SHAPE)
    assert kinds(network) == ["Conv", "MaxPool"]
    first = network.layers[0]
    assert isinstance(first, RealConv)
    assert first.clip == RELU


def joined(m: Any, x: torch.Tensor) -> torch.Tensor:
    return F.relu(torch.cat([m.a(x), F.max_pool2d(m.b(x), 3, 1, 1), F.avg_pool2d(m.c(x), 1)], 1))


def test_an_activation_behind_a_concatenation_moves_to_all_sources():
    network = imported(Model(joined, a=conv(), b=conv(outputs=2), c=conv(outputs=1)), SHAPE)
    assert kinds(network) == ["Conv", "Conv", "MaxPool", "Conv", "Concat"]
    clips = [layer.clip for layer in network.layers if isinstance(layer, RealConv)]
    assert clips == [RELU] * 3


def test_an_activation_that_cannot_move_is_a_layer_of_its_own():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.a(x)
        return torch.cat((F.relu(torch.cat([y, m.b(x)], dim=1)), y), dim=-3)

    network = imported(Model(forward, a=conv(), b=conv()), SHAPE)
    assert kinds(network) == ["Conv", "Conv", "Concat", "Conv", "Concat"]


def test_zeros_around_maps_belong_to_the_layer_behind():
    layers = [nn.ZeroPad2d((0, 1, 0, 2)), conv(padding=0), nn.ReLU(), nn.ConstantPad2d(1, 0)]
    network = imported(nn.Sequential(*layers, nn.MaxPool2d(3, 2)), SHAPE)
    first, second = network.layers
    assert isinstance(first, RealConv)
    assert isinstance(second, RealMaxPool)
    assert (first.padding, second.padding) == ((0, 2, 0, 1), (1, 1, 1, 1))


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ([conv(), nn.ZeroPad2d((1, 0, 2, 0)), nn.MaxPool2d(3)], ["Conv", "Conv", "MaxPool"]),
        ([nn.ZeroPad2d((1, 0, 2, 3)), nn.BatchNorm2d(3), nn.ReLU()], ["Conv"]),
        ([nn.ZeroPad2d(2), conv(kernel=1)], ["Conv", "Conv"]),
        ([nn.ZeroPad2d(1), nn.AvgPool2d(2)], ["AvgPool"]),
        ([nn.AvgPool2d(1, 2), nn.ZeroPad2d((1, 0, 0, 1)), conv()], ["Conv", "Conv"]),
    ],
)
def test_zeros_that_count_are_computed_by_a_convolution(layers: list[nn.Module], found: list[str]):
    network = imported(shaken(nn.Sequential(*layers)), SHAPE)
    assert kinds(network) == found
    for layer in network.layers:  # as hardware wants it
        if isinstance(layer, RealConv):
            assert max(layer.padding[:2]) < layer.weight.shape[2]
            assert max(layer.padding[2:]) < layer.weight.shape[3]


def padded_shortcut(m: Any, x: torch.Tensor) -> torch.Tensor:
    return F.relu(m.a(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2)))


def zeros_shortcut(m: Any, x: torch.Tensor) -> torch.Tensor:
    y = x[..., ::2, ::2]
    zeros = torch.zeros(y.size(0), 3, *y.shape[2:], dtype=x.dtype)
    return torch.relu(torch.cat([y, zeros], 1) + m.a(x))


def multiplied_shortcut(m: Any, x: torch.Tensor) -> torch.Tensor:
    y = F.avg_pool2d(x, 1, 2)
    y = torch.cat((y, y.mul(0)), 1)
    y += m.a(x)
    return y.relu_()


@pytest.mark.parametrize(
    ("forward", "channels"),
    [
        (padded_shortcut, (-1, 0, 1, 2, -1, -1)),
        (zeros_shortcut, (0, 1, 2, -1, -1, -1)),
        (multiplied_shortcut, (0, 1, 2, -1, -1, -1)),
    ],
)
def test_a_shortcut_without_weights_is_part_of_the_add(forward: Callable, channels: tuple):
    network = imported(Model(forward, a=conv(outputs=6, stride=2)), SHAPE)
    first, add = network.layers
    assert isinstance(add, RealAdd)
    assert add.sources == (first.name, "input")
    assert (add.stride, add.channels, add.clip) == ((2, 2), channels, RELU)


def test_a_shortcut_that_something_else_reads_is_a_convolution():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.a(F.pad(x[:, :, ::2], (1, 0, 0, 1, 0, 1)))

    assert kinds(imported(Model(forward, a=conv(4)), SHAPE)) == ["Conv", "Conv"]


def test_zeros_that_are_subsampled():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.a(x) + F.pad(F.pad(x, (0, 1, 1, 0))[:, :, ::2, ::2], (0, 0, 0, 0, 0, 1))

    network = imported(Model(forward, a=conv(stride=2, padding=(2, 2))), SHAPE)
    assert kinds(network) == ["Conv", "Conv", "Add"]


class Preactivated(nn.Module):
    """A residual block that begins with normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(4), conv(4, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(4), conv(4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(F.relu(self.bn1(x), inplace=True))
        return x + self.conv2(F.relu(self.bn2(y), inplace=True))


def test_blocks_that_begin_with_normalisation():
    model = nn.Sequential(conv(), Preactivated(), Preactivated(), nn.BatchNorm2d(4), nn.ReLU())
    network = imported(shaken(model), SHAPE)
    assert kinds(network) == ["Conv", *["Conv", "Conv", "Conv", "Add"] * 2, "Conv"]
    assert [layer.name for layer in network.layers][:3] == ["layer0", "layer1_bn1", "layer1_conv1"]


def test_concatenations_of_concatenations():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        for layer in m.children():
            x = torch.cat([x, F.relu(layer(x))], 1)
        return x.flatten(1)

    network = imported(Model(forward, a=conv(3, 2), b=conv(5, 2), c=conv(7, 2)), SHAPE)
    assert [layer.sources for layer in network.layers if isinstance(layer, RealConcat)] == [
        ("input", "a"),
        ("cat", "b"),
        ("cat_2", "c"),
    ]
