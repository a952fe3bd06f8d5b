"""Masks over units: true survives. A masked model computes what the cut one would."""

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from pruning.chain import kernels
from pruning.models import Model
from pruning.units import FeatureMaps, feature_maps

Masks = Mapping[str, np.ndarray]
"""For every pruned layer, a bool per unit."""


def masked_units(model: Model, masks: Masks) -> list[tuple[FeatureMaps, torch.Tensor]]:
    """Pair the units that `masks` speaks of with the indices of their survivors.

    Raises
    ------
    ValueError
        If a layer has no such units, a mask has a wrong shape, or nothing would survive.
    """
    units = {unit.layer: unit for unit in feature_maps(model.module)}
    for layer, mask in masks.items():
        if layer not in units:
            raise ValueError(f"masked layer must be one of {', '.join(units)}, not {layer!r}")
        mask, count = np.asarray(mask), units[layer].count
        if mask.shape != (count,) or mask.dtype != bool:
            raise ValueError(
                f"mask of {layer!r} must be bool ({count},), not {mask.dtype} {mask.shape}"
            )
        if not mask.any():
            raise ValueError(f"mask of {layer!r} must keep at least one feature map")
    return [
        (unit, torch.from_numpy(np.flatnonzero(masks[name])))
        for name, unit in units.items()
        if name in masks
    ]


def mask(model: Model, masks: Masks) -> Model:
    """Copy a model in which no layer sees a pruned feature map any more; shapes stay.

    Raises
    ------
    ValueError
        If the masks do not fit the model.
    """
    module = copy.deepcopy(model.module)
    for unit, survivors in masked_units(model, masks):
        consumer = module.get_submodule(unit.consumer)
        assert isinstance(consumer, nn.Conv2d | nn.Linear)
        weight = kernels(consumer.weight, unit.count)
        kept = torch.zeros(unit.count, dtype=torch.bool)
        kept[survivors] = True
        consumer.weight.data = (weight * kept[:, None]).reshape(consumer.weight.shape)
    return Model(module, model.pixels, dict(model.channels), dict(model.facts))
