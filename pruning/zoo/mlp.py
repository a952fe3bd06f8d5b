"""A multilayer perceptron: LeNet-300-100."""

import math

from torch import nn


def mlp(
    shape: tuple[int, int, int] = (1, 28, 28),
    widths: tuple[int, ...] = (300, 100),
    classes: int = 10,
) -> nn.Sequential:
    """Make linear layers with ReLU between them.

    Parameters
    ----------
    shape : (C, H, W)
        Of a picture.
    widths : tuple of int
        Features of every hidden layer.
    classes : int
        Number of logits.
    """
    features = math.prod(shape)
    layers: list[nn.Module] = [nn.Flatten()]
    for width in widths:
        layers += [nn.Linear(features, width), nn.ReLU()]
        features = width
    return nn.Sequential(*layers, nn.Linear(features, classes))
