"""Schedules: pruning in steps, each with training behind it, which goes on after a kill."""

import dataclasses
import functools
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from fractions import Fraction
from pathlib import Path
from typing import Any

from hw.whole_file import write_whole
from pruning import processes
from pruning.allocation import Shares
from pruning.budget import Budget
from pruning.checkpoint import load_model, save_model
from pruning.constraints import NONE, Constraints
from pruning.data import DataSet
from pruning.granularities import candidates
from pruning.graph import Graph
from pruning.kernel_units import SITES
from pruning.models import Model
from pruning.progress import Progress, silent
from pruning.prune import DEFAULT, allocated, budget_of, prune
from pruning.resume import check_arguments, data_digest, model_digest
from pruning.selectors import Selector
from pruning.threads import use_threads
from pruning.train import train

Training = Mapping[str, Any]
"""Arguments of `pruning.train.train`; seed and threads are those of the schedule if not given."""


def prune_and_train(
    model: Model,
    data: DataSet,
    *,
    training: Training,
    steps: int = 1,
    between: Training | None = None,
    ratio: float = 0.5,
    budget: Budget | None = None,
    allocation: str = "uniform",
    granularity: str = "feature-map",
    selector: Selector = DEFAULT,
    constraints: Constraints = NONE,
    shares: Shares | Fraction | None = None,
    teacher: Model | None = None,
    folder: str | os.PathLike | None = None,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
    executor: Executor | None = None,
    log: Callable[[int, int, float, int], None] | None = None,
) -> Model:
    """Prune a copy of a trained model and retrain it, in one shot or step by step.

    After step ``k`` of ``n``, a share ``s ** (k / n)`` of a layer's units is left, where ``s`` is
    the share at the end: the same part of what is there goes in every step, and the last step
    leaves as many units as one shot does. What an earlier step has pruned does not come back. One
    step with `pruning.selectors.Probabilistic` is progressive: it trains while it prunes.

    Parameters
    ----------
    training : dict
        How the model is trained after the last step.
    steps : int
        Number of steps.
    between : dict, optional
        How it is trained after the others. Default: as after the last one.
    teacher : Model, optional
        Of all training; it may be the model itself.
    folder : path, optional
        Every step's result is kept there. If some are there already, work goes on from them, and
        ends with the masks and weights of work that was never stopped.
    log : Callable, optional
        Called as `pruning.progress.Log` is, with the number of the step before.
    ratio, budget, allocation, granularity, selector, constraints, shares, seed, threads, executor :
        As `pruning.prune.prune` takes them; the seed of step ``k`` is ``seed + k - 1``.

    Returns
    -------
    Model
        Its ``facts["schedule"]`` say what was left after every step.

    Raises
    ------
    ValueError
        If something that is asked for cannot be had, or the folder is of other arguments, of which
        the first one is named.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps!r}")
    if steps > 1 and granularity in SITES:
        raise ValueError(f"steps must be 1 for {granularity}, whose grids do not nest, not {steps}")
    first, macs = model.module.graph, model.macs
    budget = budget_of(ratio) if budget is None else budget
    told: dict[str, Any] = {}
    if shares is None:
        asked = (budget, allocation, granularity, constraints)
        with use_threads(threads):
            shares = allocated(model, data, *asked, progress=progress)
        told = {"allocation": allocation, "budget": str(budget)}
    if not isinstance(shares, Mapping):
        names = [candidate.name for candidate in candidates(first, granularity, constraints)]
        shares = dict.fromkeys(names, shares)
    trainings = [training if between is None else between] * (steps - 1) + [training]
    processes.join(training.get("device", "cpu"))
    begun: dict[str, Any] = {}
    if folder is not None:
        folder = Path(folder)
        begun = {
            "model": model_digest(model),
            "data": data_digest(data, "train", "validation"),
            "teacher": None if teacher is None else model_digest(teacher),
            "granularity": granularity,
            "budget": str(budget),
            "steps": steps,
            "seed": seed,
            "threads": threads,
            "selector": type(selector).__name__,
            **_under("selector", dataclasses.asdict(selector)),
            **_under("constraints", dataclasses.asdict(constraints)),
            **_under("training", training),
            **_under("between", trainings[0]),
            **_under("share", {name: str(share) for name, share in shares.items()}),
        }
        _check(folder, begun)
    options: dict[str, Any] = {
        "budget": budget,
        "granularity": granularity,
        "selector": selector,
        "constraints": constraints,
        "threads": threads,
        "progress": progress,
        "executor": executor,
    }
    kept: list[dict[str, int]] = []
    for step, recipe in enumerate(trainings, 1):
        path = None if folder is None else folder / f"step-{step}.pruned.safetensors"
        if path is None or not path.exists():
            goal = {name: _after(share, step, steps) for name, share in shares.items()}
            left = _of_what_is_left(first, model.module.graph, granularity, goal, constraints)
            model = prune(model, data, shares=left, seed=seed + step - 1, **options)
            model.facts["prune"] |= told
            model.facts["schedule"] = {
                "steps": steps,
                "kept": [*kept, model.facts["prune"]["kept"]],
                "macs": {"before": macs, "after": model.macs},
            }
            if folder is not None and path is not None and processes.rank() == 0:
                _begin(folder, begun)
                save_model(model, path)
        processes.wait()
        if path is not None:
            model = load_model(path)  # as it is found after a kill
        kept = model.facts["schedule"]["kept"]
        state = None if folder is None else folder / f"step-{step}.training.safetensors"
        recipe = {"seed": seed + step - 1, "threads": threads, **recipe}
        recipe["log"] = log and functools.partial(log, step)
        model = train(model, data, teacher=teacher, checkpoint=state, progress=progress, **recipe)
    return model


def _after(share: Fraction, step: int, steps: int) -> Fraction:
    """Share that is left after a step."""
    return share if step == steps else Fraction(float(share) ** (step / steps))


def _of_what_is_left(
    first: Graph, now: Graph, granularity: str, shares: Shares, constraints: Constraints
) -> Shares:
    """Turn shares of the first graph's units into those of the graph as it is now.

    Maps are cut out, so that there are fewer of them; masked units are still counted.
    """
    if granularity != "feature-map":
        return shares
    before = {each.name: each for each in candidates(first, granularity, constraints)}
    counts = {each.name: each.count for each in candidates(now, granularity, constraints)}
    keep = {name: int(before[name].units(share).keep.sum()) for name, share in shares.items()}
    return {name: Fraction(kept, counts[name]) for name, kept in keep.items()}


def _under(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}.{key}": value for key, value in values.items()}


def _check(folder: Path, arguments: Mapping[str, Any]) -> None:
    """Check that work in a folder goes on with what it was begun with."""
    path = folder / "schedule.json"
    if path.exists():
        check_arguments(folder, json.loads(path.read_text()), arguments)
    processes.wait()


def _begin(folder: Path, arguments: Mapping[str, Any]) -> None:
    """Note in a folder what work is begun with, once there is something to keep."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "schedule.json", json.dumps(arguments, sort_keys=True, indent=1))
