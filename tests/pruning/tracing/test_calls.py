from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pruning.reals import Clip, RealAvgPool, RealConv
from tests.pruning.imports import RELU, SHAPE, Model, conv, imported, shaken


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


WINDOWS = {
    "strided": conv(stride=2),
    "dilated": conv(dilation=(1, 2), padding=(1, 2)),
    "even": conv(kernel=4, padding="same"),
    "same, dilated": conv(kernel=4, padding="same", dilation=(3, 1)),
    "valid": conv(padding="valid", bias=False),
    "grouped": conv(outputs=6, groups=3),
    "oblong": nn.Conv2d(3, 2, (1, 5), stride=(2, 1), padding=(0, 2)),
    "max": nn.MaxPool2d(3, 2, padding=1),
    "max, oblong": nn.MaxPool2d((1, 4), (3, 2)),
    "max, rounded up": nn.MaxPool2d(3, 2, ceil_mode=True),
    "max, rounded up with padding": nn.MaxPool2d(2, 3, padding=1, ceil_mode=True),
    "avg": nn.AvgPool2d(3, 2, padding=1),
    "avg, not padded": nn.AvgPool2d(2, 1, count_include_pad=False),
    "adaptive": nn.AdaptiveAvgPool2d((2, 4)),
    "adaptive, one way": nn.AdaptiveAvgPool2d((None, 1)),
    "adaptive max": nn.AdaptiveMaxPool2d(2),
    "pointless": nn.MaxPool2d(1, 2),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("layer", WINDOWS.values(), ids=WINDOWS)
def test_a_window_equals_that_of_torch(layer: nn.Module):
    network = imported(nn.Sequential(layer), SHAPE)
    assert len(network.layers) == 1


ACTIVATIONS = {
    "module": lambda m, x: nn.ReLU()(m.conv(x)),
    "in place": lambda m, x: nn.ReLU(inplace=True)(m.conv(x)),
    "function": lambda m, x: F.relu(m.conv(x)),
    "torch": lambda m, x: torch.relu(m.conv(x)),
    "method": lambda m, x: m.conv(x).relu(),
    "method in place": lambda m, x: m.conv(x).relu_(),
    "clamp": lambda m, x: m.conv(x).clamp(min=0),
    "clamp_min": lambda m, x: torch.clamp_min(m.conv(x), 0),
}


@pytest.mark.parametrize("forward", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_an_activation_is_part_of_the_layer_before(forward: Callable):
    network = imported(Model(forward, conv=conv()), SHAPE)
    (layer,) = network.layers
    assert isinstance(layer, RealConv)
    assert layer.clip == RELU


@pytest.mark.parametrize(
    ("layer", "clip"),
    [
        (nn.ReLU6(), Clip(0, 6)),
        (nn.Hardtanh(-0.5, 0.25), Clip(-0.5, 0.25)),
        (nn.Sequential(nn.ReLU(), nn.ReLU6()), Clip(0, 6)),
        (nn.Sequential(nn.Hardtanh(-0.1, 0.3), nn.Hardtanh(0.1, 0.2)), Clip(0.1, 0.2)),
        (nn.Sequential(nn.Hardtanh(-0.2, -0.1), nn.ReLU()), Clip(0, 0)),
    ],
)
def test_limits_are_those_of_all_activations(layer: nn.Module, clip: Clip):
    network = imported(nn.Sequential(conv(), layer), SHAPE)
    assert [getattr(real, "clip", None) for real in network.layers] == [clip]


FLATTENS = {
    "flatten": lambda x: torch.flatten(x, 1),
    "method": lambda x: x.flatten(1),
    "view": lambda x: x.view(x.size(0), -1),
    "reshape": lambda x: x.reshape(-1, 4 * 8 * 8),
    "shape": lambda x: x.reshape((x.shape[0], x.shape[1] * x.shape[2] * x.shape[3])),
    "module": nn.Flatten(),
}


@pytest.mark.parametrize("flatten", FLATTENS.values(), ids=FLATTENS)
def test_a_linear_layer_is_a_convolution_of_the_whole_map(flatten: Callable):
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.out(F.relu(m.bn(m.hidden(flatten(m.conv(x))))))

    parts = {"hidden": nn.Linear(256, 5, bias=False), "bn": nn.BatchNorm1d(5)}
    model = shaken(Model(forward, conv=conv(), **parts, out=nn.Linear(5, 2)))
    network = imported(model, SHAPE)
    shapes = [layer.weight.shape for layer in network.layers if isinstance(layer, RealConv)]
    assert shapes == [(4, 3, 3, 3), (5, 4, 8, 8), (2, 5, 1, 1)]


AVERAGES = {
    "mean": lambda x: x.mean((2, 3)),
    "kept": lambda x: x.mean([-1, -2], keepdim=True).flatten(1),
    "one by one": lambda x: torch.mean(torch.mean(x, 3, True), 2, True)[:, :, 0:1, 0:1].flatten(1),
    "adaptive": lambda x: F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1),
    "size": lambda x: F.avg_pool2d(x, x.size()[2:]).view(-1, 4),
}


@pytest.mark.parametrize("average", AVERAGES.values(), ids=AVERAGES)
def test_averages_over_the_map(average: Callable):
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.out(F.relu(average(m.conv(x))))

    network = imported(Model(forward, conv=conv(), out=nn.Linear(4, 2)), SHAPE)
    pool = next(layer for layer in network.layers if isinstance(layer, RealAvgPool))
    assert pool.clip == RELU or len(network.layers) == 4


CONSTANTS = {
    "left": lambda x: 2 + (3 - (0.5 * x)),
    "right": lambda x: ((x + 2) - 3) * 0.5,
    "divided": lambda x: -x / 3,
    "tensors": lambda x: x.mul(torch.tensor([1.0, -2.0, 0.0])[:, None, None]).add_(1),
    "in place": lambda x: _in_place(x),
    "doubled": lambda x: x + x,
    "of one channel": lambda x: torch.sub(x, torch.full((1, 3, 1, 1), 0.25)),
}


def _in_place(x: torch.Tensor) -> torch.Tensor:
    x -= 1
    x *= 2
    x /= 3
    return x


@pytest.mark.parametrize("function", CONSTANTS.values(), ids=CONSTANTS)
def test_constants_scale_channels(function: Callable):
    folded = imported(Model(lambda m, x: function(m.conv(x)), conv=conv(3, 3)), SHAPE)
    assert len(folded.layers) == 1
    alone = imported(Model(lambda m, x: function(x)), SHAPE)
    assert len(alone.layers) == 1


def test_the_picture_can_be_normalised_by_the_model():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        mean = torch.tensor([0.1, 0.2, 0.3], dtype=x.dtype)[:, None, None]
        return m.conv((x - mean) / 0.25) * 2 + 1

    network = imported(Model(forward, conv=conv()), SHAPE)
    assert [layer.name for layer in network.layers] == ["sub", "conv"]


def test_what_does_nothing_in_evaluation_leaves_no_layer():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = F.dropout(m.drop(m.conv(x)), 0.5, m.training)
        m.unused(y)
        return m.same(y).double().to(torch.float64).contiguous()

    parts = {"drop": nn.Dropout2d(), "same": nn.Identity(), "unused": nn.Sequential(nn.Softmax(1))}
    assert len(imported(Model(forward, conv=conv(), **parts), SHAPE).layers) == 1
