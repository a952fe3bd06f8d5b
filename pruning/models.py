"""Models: a chain of layers, the pixels that it takes and what has been pruned from it."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from pruning.chain import walk
from pruning.data import Pixels


@dataclass(frozen=True, eq=False)
class Model:
    """A floating-point model.

    Parameters
    ----------
    module : nn.Sequential
        Named layers of plain torch.nn; takes normalised pictures (N, C, H, W).
    pixels : Pixels
        Shape and number format of the pictures before they are normalised.
    channels : dict of str to tuple of int
        For every layer whose feature maps were pruned, the index that each had before; ascending.
    facts : dict
        How the model was made, for people and reports; anything that JSON can hold.
    """

    module: nn.Sequential
    pixels: Pixels
    channels: dict[str, tuple[int, ...]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def macs(self) -> int:
        """Multiply-adds of one picture, as `hw.network.Network` counts them."""
        return sum(step.macs for step in walk(self.module, self.pixels.shape))

    @property
    def parameters(self) -> int:
        """Weights and biases with batch normalisation folded, as `hw.network.Network` counts."""
        return sum(step.parameters for step in walk(self.module, self.pixels.shape))


def chain(
    pixels: Pixels,
    *,
    classes: int = 10,
    widths: Sequence[int] = (16, 32, 32),
    pools: Sequence[int] = (2,),
    seed: int = 0,
) -> Model:
    """Make a small untrained CNN: 3x3 convolutions, each with BN and ReLU, and a linear layer.

    Parameters
    ----------
    pixels : Pixels
        Shape and number format of the pictures.
    classes : int
        Number of logits.
    widths : sequence of int
        Feature maps of every convolution.
    pools : sequence of int
        Convolutions, counted from 1, behind which 2x2 max pooling halves the picture.
    seed : int
        Decides the initial parameters.

    Raises
    ------
    ValueError
        If a width is not positive, a pool follows no convolution, or the picture is too small.
    """
    if not widths or min(widths) < 1:
        raise ValueError(f"widths must be positive numbers, not {tuple(widths)!r}")
    if not set(pools) <= set(range(1, len(widths) + 1)):
        raise ValueError(f"pools must be numbers from 1 to {len(widths)}, not {tuple(pools)!r}")
    channels, height, width = pixels.shape
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for index, maps in enumerate(widths, 1):
            layers[f"conv{index}"] = nn.Conv2d(channels, maps, 3, padding=1, bias=False)
            layers[f"bn{index}"] = nn.BatchNorm2d(maps)
            layers[f"relu{index}"] = nn.ReLU()
            if index in pools:
                layers[f"pool{index}"] = nn.MaxPool2d(2)
                height, width = height // 2, width // 2
            channels = maps
        if not height * width:
            raise ValueError(f"pools must leave a picture of {pixels.shape[1:]}, not {pools!r}")
        layers["flatten"] = nn.Flatten()
        layers["linear"] = nn.Linear(channels * height * width, classes)
    return Model(nn.Sequential(layers), pixels)
