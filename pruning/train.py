"""Training, and retraining after a cut: the same thing, from other weights."""

import copy
import math

import torch
from torch import nn

from pruning.data import DataSet
from pruning.evaluate import errors, normalise
from pruning.models import Model
from pruning.progress import Progress, silent
from pruning.threads import use_threads


def train(
    model: Model,
    data: DataSet,
    *,
    epochs: int,
    rate: float = 0.05,
    batch: int = 64,
    momentum: float = 0.9,
    decay: float = 5e-4,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Model:
    """Train a copy of a model by stochastic gradient descent; the last epoch counts.

    The learning rate falls from `rate` to zero along half a cosine, step by step. Equal arguments,
    the number of threads among them, give equal weights. Test pictures are never looked at.

    Parameters
    ----------
    epochs : int
        Passes over the training pictures.
    rate : float
        First learning rate.
    batch : int
        Pictures per step; what is left over at the end of an epoch is skipped.
    momentum, decay : float
        Nesterov momentum and weight decay.
    seed : int
        Decides the order of the pictures.

    Raises
    ------
    ValueError
        If a number is out of range, or the loss stops being finite.
    """
    for name, value in (("epochs", epochs), ("batch", batch), ("rate", rate)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, not {value!r}")
    module = copy.deepcopy(model.module)
    images, labels = data.train.images, torch.from_numpy(data.train.labels)
    batch = min(batch, len(labels))
    steps = epochs * (len(labels) // batch)
    optimiser = torch.optim.SGD(
        module.parameters(), lr=rate, momentum=momentum, weight_decay=decay, nesterov=momentum > 0
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: (1 + math.cos(math.pi * step / steps)) / 2
    )
    order = torch.Generator().manual_seed(seed)
    with use_threads(threads):
        for epoch in range(1, epochs + 1):
            module.train()
            loss = torch.tensor(0.0)
            for index in torch.randperm(len(labels), generator=order).split(batch):
                if len(index) < batch:
                    break
                optimiser.zero_grad()
                scores = module(normalise(images[index.numpy()], model.pixels))
                loss = nn.functional.cross_entropy(scores, labels[index])
                loss.backward()
                optimiser.step()
                schedule.step()
            if not torch.isfinite(loss):
                raise ValueError(f"loss must be finite; rate {rate!r} is too large")
            wrong = errors(module, model.pixels, data.validation)
            message = f"loss {loss:.3f}, validation errors {wrong} of {len(data.validation)}"
            progress("train", epoch, epochs, message)
    return Model(module.eval(), model.pixels, dict(model.facts))
