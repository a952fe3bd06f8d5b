"""An independent judge of integer networks, in PyTorch."""

import numpy as np
import torch
from torch import nn

from hw.layers import Add, AvgPool, Conv, Input, MaxPool
from hw.network import Network


def judge(network: Network, images: np.ndarray) -> np.ndarray:
    """Integers of a network by PyTorch in float64, which is exact up to 2**53."""
    found: dict[str, torch.Tensor] = {}
    for layer in network.layers:
        maps = [found[name] for name in layer.inputs]
        if isinstance(layer, Input):
            offset = torch.tensor(layer.offset or (0,)).double()[:, None, None]
            x = torch.tensor(images, dtype=torch.float64) - offset
        elif isinstance(layer, Conv):
            x = _conv(layer, maps[0])
        elif isinstance(layer, Add):
            a, b = maps
            b = b[:, :, :: layer.stride[0], :: layer.stride[1]]
            b = torch.cat((b, torch.zeros_like(b[:, :1])), 1)  # channel -1
            b = b[:, layer.channels or range(a.shape[1])]
            x = _rounded(a * layer.multipliers[0] + b * layer.multipliers[1], layer.shift)
            x = x.clamp(*_ends(layer.bits, layer.signed))
        elif isinstance(layer, AvgPool):
            assert not any(layer.padding)
            x = nn.functional.avg_pool2d(maps[0], layer.kernel, layer.stride, divisor_override=1)
            x = _rounded(x * layer.multiplier, layer.shift)
            x = x.clamp(*_ends(layer.bits, layer.signed))
        else:
            assert isinstance(layer, MaxPool)
            x = nn.functional.max_pool2d(maps[0], layer.kernel, layer.stride, layer.padding[::2])
        found[layer.name] = x
    return found[network.outputs[0]].numpy()


def _conv(layer: Conv, x: torch.Tensor) -> torch.Tensor:
    x = nn.functional.pad(x, (*layer.padding[2:], *layer.padding[:2]))
    weight, bias = torch.tensor(layer.weight).double(), torch.tensor(layer.bias).double()
    options = (layer.stride, 0, tuple(layer.dilation), layer.groups)
    x = nn.functional.conv2d(x, weight, bias, *options)
    if layer.multiplier is None or layer.shift is None:
        return x
    x = x * torch.tensor(layer.multiplier).double()[:, None, None]
    x = _rounded(x, torch.tensor(layer.shift).double()[:, None, None])
    return x.clamp(*_ends(layer.bits, layer.signed))


def _rounded(x: torch.Tensor, shift: int | torch.Tensor) -> torch.Tensor:
    return torch.floor(x / 2.0**shift + 0.5)


def _ends(bits: int, signed: bool) -> tuple[int, int]:
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
