"""Quantisation-aware fine-tuning: an integer network learns to live with few bits."""

from typing import Any

import numpy as np
import torch

from hw.network import Network
from pruning.augment import shifted
from pruning.data import DataSet, Split
from pruning.evaluate import BATCH, normalise
from pruning.fake_quantise import FakeQuantised
from pruning.losses import cross_entropy
from pruning.prepare import prepare
from pruning.progress import Progress, silent
from pruning.quantise import quantised_parts
from pruning.rates import cosine
from pruning.real_network import RealNetwork
from pruning.threads import use_threads


def fine_tune(
    network: RealNetwork,
    images: np.ndarray,
    data: DataSet,
    *,
    epochs: int,
    rate: float = 5e-4,
    batch: int = 128,
    distil: float = 0.5,
    augment: bool = False,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
    **options: Any,
) -> Network:
    """Quantise a network as `pruning.quantise.quantise` does, and train its weights and scales.

    By Adam, with a rate that falls to zero along half a cosine; the last epoch counts. Scales that
    are powers of two stay. Equal arguments, the number of threads among them, give equal integers.
    Test pictures are never looked at.

    Parameters
    ----------
    network : RealNetwork
        Also the teacher.
    images : (N, C, H, W) uint8
        Held-out training pictures, from which the ranges of the activations are taken.
    epochs : int
        Passes over the training pictures.
    rate : float
        First learning rate.
    batch : int
        Pictures per step.
    distil : float
        0 to 1: part of the loss that is the cross-entropy with what the real network says, in place
        of that with the label.
    augment : bool
        Whether pictures are shifted by up to an eighth of their size, and mirrored.
    seed : int
        Decides the order of the pictures, and how they are shifted.
    **options :
        Those of `pruning.quantise.quantise`.

    Raises
    ------
    ValueError
        If a number is out of range, or the loss stops being finite.
    """
    for key, value in (("epochs", epochs), ("batch", batch), ("rate", rate)):
        if not value > 0:
            raise ValueError(f"{key} must be positive, not {value!r}")
    if not 0 <= distil <= 1:
        raise ValueError(f"distil must be 0 to 1, not {distil!r}")
    name = options.pop("name", "network")
    learn_scales = not options.get("power_of_two", False)
    teacher = prepare(network)
    real, scales = quantised_parts(network, images, **options)
    module = FakeQuantised(real, scales, learn_scales=learn_scales).float()
    optimiser = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=rate)
    labels = torch.from_numpy(data.train.labels)
    batch = min(batch, len(labels))
    steps = epochs * (len(labels) // batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: cosine(step, steps))
    rng = np.random.default_rng(seed)
    with use_threads(threads):
        for epoch in range(1, epochs + 1):
            order = rng.permutation(len(labels))
            for start in range(0, len(order) - batch + 1, batch):
                index = order[start : start + batch]
                pictures = data.train.images[index]
                if augment:
                    pictures = shifted(pictures, teacher.pixels.offset, rng)
                optimiser.zero_grad()
                scores = _logits(module, pictures)
                taught = _taught(teacher, pictures) if distil else None
                loss = cross_entropy(scores, labels[index], taught, distil)
                loss.backward()
                optimiser.step()
                schedule.step()
            if not torch.isfinite(loss):
                raise ValueError(f"loss must be finite; rate {rate!r} is too large")
            wrong, held = _errors(module, data.validation), len(data.validation)
            message = f"loss {loss:.3f}, validation errors {wrong} of {held}"
            progress("fine-tune", epoch, epochs, message)
    return module.network(name)


@torch.no_grad()
def _errors(module: FakeQuantised, split: Split) -> int:
    starts = range(0, len(split), BATCH)
    parts = [_logits(module, split.images[start : start + BATCH]) for start in starts]
    return int((torch.cat(parts).argmax(1).numpy() != split.labels).sum())


def _logits(module: FakeQuantised, pictures: np.ndarray) -> torch.Tensor:
    """Logits (N, classes) as real numbers."""
    x = torch.tensor(pictures, dtype=torch.float32).contiguous(memory_format=torch.channels_last)
    unit = module.unit(module.real.outputs[0])
    return module(x).flatten(1) * unit.float()


@torch.no_grad()
def _taught(network: RealNetwork, pictures: np.ndarray) -> torch.Tensor:
    logits = network.outputs[0]
    scores = network.compute(normalise(pictures, network.pixels), keep=[logits])
    return scores[logits].flatten(1)
