"""Chains of 3x3 convolutions, for small pictures."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn


def chain(
    shape: tuple[int, int, int] = (1, 8, 8),
    classes: int = 10,
    widths: Sequence[int] = (16, 32, 32),
    pools: Sequence[int] = (2,),
) -> nn.Sequential:
    """Make a small CNN: 3x3 convolutions, each with BN and ReLU, and a linear layer.

    Parameters
    ----------
    shape : (C, H, W)
        Of a picture.
    classes : int
        Number of logits.
    widths : sequence of int
        Feature maps of every convolution.
    pools : sequence of int
        Convolutions, counted from 1, behind which 2x2 max pooling halves the picture.

    Raises
    ------
    ValueError
        If a width is not positive, a pool follows no convolution, or the picture is too small.
    """
    if not widths or min(widths) < 1:
        raise ValueError(f"widths must be positive numbers, not {tuple(widths)!r}")
    if not set(pools) <= set(range(1, len(widths) + 1)):
        raise ValueError(f"pools must be numbers from 1 to {len(widths)}, not {tuple(pools)!r}")
    channels, height, width = shape
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for index, maps in enumerate(widths, 1):
        layers[f"conv{index}"] = nn.Conv2d(channels, maps, 3, padding=1, bias=False)
        layers[f"bn{index}"] = nn.BatchNorm2d(maps)
        layers[f"relu{index}"] = nn.ReLU()
        if index in pools:
            layers[f"pool{index}"] = nn.MaxPool2d(2)
            height, width = height // 2, width // 2
        channels = maps
    if not height * width:
        raise ValueError(f"pools must leave a picture of {shape[1:]}, not {pools!r}")
    layers["flatten"] = nn.Flatten()
    layers["linear"] = nn.Linear(channels * height * width, classes)
    return nn.Sequential(layers)
