"""Training, and retraining after a cut: the same thing, from other weights."""

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from pruning import processes
from pruning.augment import Shifts
from pruning.data import DataSet
from pruning.evaluate import errors
from pruning.graph_module import GraphModule
from pruning.learner import Learner
from pruning.models import Model
from pruning.progress import Log, Progress, silent
from pruning.recipe import Recipe
from pruning.resume import data_digest, model_digest, read_state, write_state
from pruning.threads import use_threads

Hook = Callable[[int, GraphModule], bool]
"""Called before every step with its number, from 0, and the module in training, whose masks it may
overwrite; whether training ends here."""


def train(
    model: Model,
    data: DataSet,
    *,
    teacher: Model | None = None,
    hook: Hook | None = None,
    checkpoint: str | os.PathLike | None = None,
    progress: Progress = silent,
    log: Log | None = None,
    **recipe: Any,
) -> Model:
    """Train a copy of a model by stochastic gradient descent; the last epoch counts.

    The learning rate falls from `rate` to zero along half a cosine, step by step, if nothing else
    is asked for. Weights that a mask prunes keep their values. Equal arguments, the number of
    threads among them, give equal weights on a CPU. Test pictures are never looked at.

    Processes that torchrun has started share the work: each takes its part of every batch, and all
    end with the weights that one process would find, up to rounding (dropout apart, of which each
    draws its own).

    Parameters
    ----------
    teacher : Model, optional
        What it says of the pictures is learned as well.
    hook : Callable, optional
        See `Hook`.
    checkpoint : path, optional
        File that is written after every epoch. If it is there, training goes on from it, and ends
        with the weights of one that was never stopped.
    log : Callable, optional
        See `Log`; only the first of several processes calls it. Training that goes on may call it
        again with the epoch before which it was stopped.
    **recipe :
        `epochs` and whatever else a `pruning.recipe.Recipe` has.

    Returns
    -------
    Model
        On the CPU.

    Raises
    ------
    ValueError
        If a number is out of range, the loss stops being finite, or the checkpoint is of other
        arguments, of which the first one is named.
    """
    asked = Recipe(**recipe)
    if teacher is not None and teacher.pixels != model.pixels:
        raise ValueError(f"teacher must take pictures of {model.pixels}, not {teacher.pixels}")
    if hook is not None and checkpoint is not None:
        raise ValueError("checkpoint must be None with a hook, whose state it would not hold")
    device = processes.join(asked.device)
    batch = min(asked.batch, len(data.train))
    if batch < processes.count():
        raise ValueError(f"batch must be at least {processes.count()} processes, not {batch!r}")
    learner = Learner(model, asked, device, teacher)
    begun = {} if checkpoint is None else _arguments(model, data, teacher, asked)
    saved = None if checkpoint is None else read_state(checkpoint, begun)
    done, state = saved or (0, {})
    if state:
        learner.load(state)
    order = torch.Generator().manual_seed(asked.seed)
    gpus = [device] if device.type == "cuda" else []
    with use_threads(asked.threads), torch.random.fork_rng(gpus):
        for epoch in range(1, asked.epochs + 1):
            batches = torch.randperm(len(data.train), generator=order).split(batch)
            batches = [index.numpy() for index in batches if len(index) == batch]
            if epoch <= done:
                continue
            ended, loss = _epoch(learner, data, batches, epoch, hook)
            if not torch.isfinite(loss):
                raise ValueError(f"loss must be finite; rate {asked.rate!r} is too large")
            told = processes.rank() == 0 and (progress is not silent or log is not None)
            wrong = errors(learner.module, model.pixels, data.validation) if told else 0
            if told and log is not None:
                log(epoch, float(loss), wrong)
            if checkpoint is not None:
                if processes.rank() == 0:
                    write_state(checkpoint, learner.state(), epoch, begun)
                processes.wait()
            if told:
                message = f"loss {loss:.3f}, validation errors {wrong} of {len(data.validation)}"
                progress("train", epoch, asked.epochs, message)
            if ended:
                break
    return Model(learner.module.cpu().eval(), model.pixels, dict(model.facts))


def _epoch(
    learner: Learner, data: DataSet, batches: list[np.ndarray], epoch: int, hook: Hook | None
) -> tuple[bool, torch.Tensor]:
    """Learn from batches; return whether the hook has ended the training, and the last loss.

    Random choices follow from the seed and the number of the epoch, so that they can be resumed.
    """
    asked, loss = learner.recipe, torch.zeros((), device=learner.device)
    rng = np.random.default_rng((asked.seed, epoch))
    noise = np.random.SeedSequence((asked.seed, epoch, processes.rank()))
    torch.manual_seed(int(noise.generate_state(1)[0]))
    learner.module.train()
    for at, index in enumerate(batches, (epoch - 1) * len(batches)):
        if hook is not None and hook(at, learner.module):
            return True, processes.total(loss)
        part = processes.part(len(index))
        pictures = data.train.images[index[part]]
        if asked.augment:
            shifts = Shifts.draw((len(index), *pictures.shape[1:]), rng)
            pictures = shifts[part].apply(pictures, learner.pixels.offset)
        labels = torch.from_numpy(data.train.labels[index[part]])
        loss = learner.step(pictures, labels, asked.rate_at(at, len(batches)), len(index))
    return False, processes.total(loss)


def _arguments(model: Model, data: DataSet, teacher: Model | None, asked: Recipe) -> dict[str, Any]:
    """Everything that decides the weights."""
    return {
        "model": model_digest(model),
        "data": data_digest(data, "train"),
        "teacher": None if teacher is None else model_digest(teacher),
        **asdict(asked),
        "processes": processes.count(),
    }
