"""Well-known models in plain torch.nn, untrained."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from pruning.zoo.chain import chain
from pruning.zoo.coarse import cifar_large, cifar_small, svhn
from pruning.zoo.lenet import lenet5
from pruning.zoo.mlp import mlp
from pruning.zoo.resnet import ResNet
from pruning.zoo.resnet8 import ResNet8
from pruning.zoo.separable import ds_cnn, mobilenet
from pruning.zoo.vgg import vgg16

__all__ = ["MODELS", "SHAPES", "build"]

_GREY, _COLOUR = (1, 28, 28), (3, 32, 32)
MODELS: dict[str, Callable[..., nn.Module]] = {
    "chain": chain,
    "lenet5": lenet5,
    "mlp": mlp,
    "cifar-small": cifar_small,
    "cifar-large": cifar_large,
    "svhn": svhn,
    "vgg16": vgg16,
    "resnet8": ResNet8,
    **{f"resnet{depth}": partial(ResNet, depth) for depth in (20, 32, 44, 56, 110)},
    "ds-cnn": ds_cnn,
    "mobilenet": mobilenet,
}
SHAPES = dict.fromkeys(MODELS, _COLOUR) | {  # (C, H, W) of the pictures
    "chain": (1, 8, 8),
    "lenet5": _GREY,
    "mlp": _GREY,
    "ds-cnn": (1, 49, 10),
    "mobilenet": (3, 96, 96),
}


def build(name: str, seed: int = 0, **options: Any) -> nn.Module:
    """Build a model with initial parameters.

    Parameters
    ----------
    name : str
        One of `MODELS`.
    seed : int
        Decides the parameters.
    **options :
        Of the model's own function: ``classes``, and what else it has.

    Raises
    ------
    ValueError
        If there is no such model, or it has no such option.
    """
    if name not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, not {name!r}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            return MODELS[name](**options)
        except TypeError as error:
            raise ValueError(f"model {name!r}: {error}") from error
