"""Copies of models, so that what is done to them leaves the user's as they are."""

import copy

import torch
from torch import nn

from pruning.unsupported import UnsupportedLayer


def unwrapped(module: nn.Module) -> nn.Module:
    """Get the module that DataParallel distributes, or the module itself."""
    distributed = isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel)
    return module.module if distributed else module


def copied(module: nn.Module) -> nn.Module:
    """Copy a module, or the one that DataParallel distributes.

    Raises
    ------
    UnsupportedLayer
        If it cannot be copied, or is compiled.
    """
    if isinstance(module, torch.jit.ScriptModule):
        raise UnsupportedLayer("the model must be the module that was compiled, not a ScriptModule")
    try:
        return copy.deepcopy(unwrapped(module))
    except Exception as error:  # whatever the model's own parts raise
        line = str(error).partition("\n")[0]
        raise UnsupportedLayer(f"the model cannot be copied: {line}") from error
