"""What a floating-point model says of pictures, and how often it errs."""

import numpy as np
import torch
from torch import nn

from pruning.accuracy import accuracy
from pruning.data import Pixels, Split
from pruning.models import Model
from pruning.threads import use_threads

BATCH = 250  # fits in the cache; far faster than thousands


def normalise(images: np.ndarray, pixels: Pixels) -> torch.Tensor:
    """Turn pictures (N, C, H, W) of integers into what a model takes, float32 in channels_last."""
    x = torch.tensor(images, dtype=torch.float32)
    if pixels.offset:
        x = x - torch.tensor(pixels.offset)[:, None, None]
    x = x * torch.tensor(pixels.scale, dtype=x.dtype)[:, None, None]
    return x.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def logits(module: nn.Module, pixels: Pixels, images: np.ndarray, batch: int = BATCH) -> np.ndarray:
    """Logits (N, classes) of `module`, which is put into evaluation mode, on its device."""
    module.eval()
    device = next((tensor.device for tensor in module.parameters()), None)
    starts = range(0, len(images), batch)
    parts = [
        module(normalise(images[start : start + batch], pixels).to(device)) for start in starts
    ]
    return torch.cat(parts).cpu().numpy()


def errors(module: nn.Module, pixels: Pixels, split: Split, batch: int = BATCH) -> int:
    """Count the pictures that `module` gets wrong; an integer, so that it can be compared."""
    return int((logits(module, pixels, split.images, batch).argmax(1) != split.labels).sum())


def evaluate(model: Model, split: Split, *, threads: int = 1) -> float:
    """Accuracy of a model, 0 to 1."""
    with use_threads(threads):
        return accuracy(logits(model.module, model.pixels, split.images), split.labels)
