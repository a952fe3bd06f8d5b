"""The networks of Anwar and Sung's coarse pruning (2016): 3x3 convolutions, overlapping pooling."""

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn


def cifar_small(classes: int = 10) -> nn.Sequential:
    """(2x128C3)-MP-(2x128C3)-MP-(2x256C3)-256FC, for pictures (N, 3, 32, 32)."""
    return _network([(128, 128), (128, 128), (256, 256)], [256], classes)


def cifar_large(classes: int = 10) -> nn.Sequential:
    """(2x128C3)-MP-(2x256C3)-MP-(3x256C3)-256FC, for pictures (N, 3, 32, 32).

    The paper says that there are seven convolutions and two poolings, and that they are wider
    than those of the small one; these widths are ours.
    """
    return _network([(128, 128), (256, 256), (256, 256, 256)], [256], classes)


def svhn(classes: int = 10) -> nn.Sequential:
    """(2x64C3)-MP-(2x128C3)-MP-(2x128C3)-512FC-512FC, for pictures (N, 3, 32, 32)."""
    return _network([(64, 64), (128, 128), (128, 128)], [512, 512], classes)


def _network(stages: Sequence[Sequence[int]], linear: Sequence[int], classes: int) -> nn.Sequential:
    """Chain convolutions, 3x3 max pooling between stages, and linear layers; BN and ReLU in all."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels, index = 3, 0
    for stage in stages:
        if index:
            layers[f"pool{index}"] = nn.MaxPool2d(3, stride=2, padding=1)
        for width in stage:
            index += 1
            layers[f"conv{index}"] = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            layers[f"bn{index}"] = nn.BatchNorm2d(width)
            layers[f"relu{index}"] = nn.ReLU()
            channels = width
    layers["flatten"] = nn.Flatten()
    features = channels * 8 * 8
    for width in linear:
        index += 1
        layers[f"linear{index}"] = nn.Linear(features, width, bias=False)
        layers[f"bn{index}"] = nn.BatchNorm1d(width)
        layers[f"relu{index}"] = nn.ReLU()
        features = width
    layers[f"linear{index + 1}"] = nn.Linear(features, classes)
    return nn.Sequential(layers)
