"""Helpers: models, random statistics, and a network compared with its module."""

from collections.abc import Callable

import torch
from torch import nn

from pruning.data import Pixels
from pruning.importing import import_model
from pruning.real_network import RealNetwork
from pruning.reals import Clip

SHAPE = (3, 8, 8)
RELU = Clip(0.0)


class Model(nn.Module):
    """Parts by name, and a function that is the forward."""

    def __init__(self, forward: Callable, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.function = forward

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self, x)


def conv(inputs: int = 3, outputs: int = 4, kernel: int = 3, **more) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, **{"padding": kernel // 2, **more})


def pixels(shape: tuple[int, int, int]) -> Pixels:
    scale = [0.01 * (channel + 1) for channel in range(shape[0])]
    return Pixels(shape, 8, tuple(scale), tuple(range(100, 100 + shape[0])))


def shaken(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give normalisation random statistics, factors and addends."""
    generator = torch.Generator().manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            for tensor, low, high in (
                (layer.running_mean, -1, 1),
                (layer.running_var, 0.5, 2),
                (layer.weight.data, -1.5, 1.5),
                (layer.bias.data, -1, 1),
            ):
                tensor.uniform_(low, high, generator=generator)
    return module


def imported(module: nn.Module, shape: tuple[int, int, int], batch: int = 3) -> RealNetwork:
    """Import a module, and compare with its own result on other pictures than the import does."""
    network = import_model(module, pixels(shape))
    x = torch.randn(batch, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    precise = module.double().eval()
    with torch.no_grad():
        expected = precise(x.clone())
    found = network.compute(x)
    if isinstance(expected, torch.Tensor):
        expected = [expected]
    elif isinstance(expected, dict):
        expected = list(expected.values())
    assert len(found) == len(expected) == len(network.outputs)
    for name, y in zip(network.outputs, expected, strict=True):
        limit = 1e-9 * float(y.abs().max())
        torch.testing.assert_close(found[name].flatten(1), y.flatten(1), rtol=0, atol=limit)
    return network


def kinds(network: RealNetwork) -> list[str]:
    """Kinds of layers, in their order."""
    return [type(layer).__name__.removeprefix("Real") for layer in network.layers]
