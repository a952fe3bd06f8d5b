"""Masks of models that have been pruned with torch.nn.utils.prune."""

import numpy as np
import torch
from torch import nn
from torch.nn.utils import prune

from pruning.tracing.copying import copied, unwrapped


def lift_masks(module: nn.Module) -> tuple[nn.Module, dict[str, np.ndarray]]:
    """Copy a module with its pruned weights as plain parameters.

    Parameters
    ----------
    module : nn.Module
        Pruned or not; stays as it is.

    Returns
    -------
    copy : nn.Module
        Computes the same, without the hooks of torch.nn.utils.prune.
    masks : dict of str to bool array
        Surviving weights of pruned convolutions and linear layers, by their path.

    Raises
    ------
    UnsupportedLayer
        If the module cannot be copied.
    """
    module = unwrapped(module)
    pruned = [
        (place, layer, name.removesuffix("_mask"))
        for place, layer in module.named_modules()
        for name, _ in layer.named_buffers(recurse=False)
        if name.endswith("_mask") and name.replace("_mask", "_orig") in layer._parameters
    ]
    for _, layer, name in pruned:  # else what a training step has left cannot be copied
        with torch.no_grad():
            product = layer.get_parameter(f"{name}_orig") * layer.get_buffer(f"{name}_mask")
            setattr(layer, name, product)
    module = copied(module)
    masks = {}
    for place, layer, name in pruned:
        if name == "weight" and isinstance(layer, nn.Conv2d | nn.Linear):
            masks[place] = layer.get_buffer("weight_mask").bool().cpu().numpy()
        prune.remove(module.get_submodule(place), name)
    return module, masks
