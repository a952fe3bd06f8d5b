"""Pruning in one shot: a budget, a selector and a cut; what is left is retrained with `train`."""

import dataclasses
import math
from collections.abc import Mapping
from concurrent.futures import Executor
from fractions import Fraction

from pruning.allocation import ALLOCATIONS, Shares, by_sensitivity, uniform
from pruning.budget import Budget
from pruning.constraints import NONE, Constraints
from pruning.data import DataSet
from pruning.granularities import candidates, units
from pruning.graph_module import GraphModule
from pruning.masks import pruned
from pruning.models import Model
from pruning.progress import Progress, silent
from pruning.selectors import SELECTORS, Problem, RandomMasks, Selector
from pruning.sensitivity import sensitivities
from pruning.threads import use_threads

DEFAULT = RandomMasks()
IMAGES = 1000  # validation pictures by which shares are allocated


def prune(
    model: Model,
    data: DataSet,
    *,
    ratio: float = 0.5,
    budget: Budget | None = None,
    allocation: str = "uniform",
    shares: Shares | Fraction | None = None,
    granularity: str = "feature-map",
    selector: Selector = DEFAULT,
    constraints: Constraints = NONE,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
    executor: Executor | None = None,
) -> Model:
    """Prune a copy of a trained model; it is not retrained yet.

    Parameters
    ----------
    ratio : float
        Part of the model's multiply-adds that goes, at least: a budget in short.
    budget : Budget, optional
        What may stay, in place of a ratio. Where hardware is asked for its price, it is met by
        example masks of the same shares; ``facts["prune"]`` say what the chosen ones take.
    allocation : str
        What every layer gives: the same share (``uniform``), or as many as it bears, judged by
        validation pictures (``sensitivity``).
    shares : Fraction, or dict of str to Fraction, optional
        Part of every layer's units that survives, in place of a budget.
    granularity : str
        What is cut, one of `pruning.granularities.GRANULARITIES`.
    selector : Selector
        Decides which units go; how many of every layer is the budget's decision.
    constraints : Constraints
        Which layers are pruned, and what masks must be like.
    seed : int
        Decides the selector's random choices.
    executor : Executor, optional
        Its workers score masks, see `pruning.executors`; the masks are the same.

    Returns
    -------
    Model
        Its ``facts["prune"]`` say how it was pruned.

    Raises
    ------
    ValueError
        If the budget, or anything else that is asked for, cannot be had.
    """
    budget = budget_of(ratio) if budget is None else budget
    found, price = model.module.graph, budget.price(model.pixels)
    told = {"allocation": "given", "budget": None}
    with use_threads(threads):
        if shares is None:
            asked = (budget, allocation, granularity, constraints)
            shares = allocated(model, data, *asked, progress=progress)
            told = {"allocation": allocation, "budget": str(budget)}
        if not isinstance(shares, Mapping):
            known = candidates(found, granularity, constraints)
            shares = {candidate.name: shares for candidate in known}
        chosen = units(found, granularity, shares, constraints)
        selection = selector.select(Problem(model, data, chosen, seed, progress, executor))
    trained = selection.model or model
    small = GraphModule(pruned(trained.module.graph, chosen, selection.masks))
    result = Model(small, model.pixels, dict(trained.facts))
    names = {kind: name for name, kind in SELECTORS.items()}
    result.facts["prune"] = {
        "selector": names.get(type(selector), type(selector).__name__),
        "settings": dataclasses.asdict(selector),
        "granularity": granularity,
        **told,
        "price": {"before": _told(price(found)), "after": _told(price(small.graph))},
        "shares": {name: float(share) for name, share in shares.items()},
        "seed": seed,
        "kept": {unit.name: int(unit.keep.sum()) for unit in chosen},
        "macs": {"before": model.macs, "after": result.macs},
        "errors": min(selection.candidates, default=None),
        "images": len(data.validation),
        "candidates": list(selection.candidates),
        "log": {name: list(values) for name, values in selection.log.items()},
    }
    return result


def budget_of(ratio: float) -> Budget:
    """Make the budget of which a part of the multiply-adds goes, at least."""
    if not 0 <= ratio < 1:
        raise ValueError(f"ratio must be at least 0 and below 1, not {ratio!r}")
    return Budget("macs", float(1 - Fraction(str(ratio))))


def allocated(
    model: Model,
    data: DataSet,
    budget: Budget,
    allocation: str = "uniform",
    granularity: str = "feature-map",
    constraints: Constraints = NONE,
    *,
    progress: Progress = silent,
) -> Shares:
    """Find shares of all candidates that meet a budget; arguments and errors are those of `prune`.

    Sensitivity is that of the first `IMAGES` validation pictures.
    """
    if allocation not in ALLOCATIONS:
        known = ", ".join(ALLOCATIONS)
        raise ValueError(f"allocation must be one of {known}, not {allocation!r}")
    found, price = model.module.graph, budget.price(model.pixels)
    limit = budget.limit(price(found))
    if allocation == "uniform":
        return uniform(found, granularity, price, limit, constraints)
    split = data.validation[:IMAGES]
    curves = sensitivities(model, split, granularity, constraints, progress=progress)
    proxy = budget.proxy(model.pixels)
    return by_sensitivity(found, granularity, price, limit, curves, constraints, proxy)


def _told(price: float) -> float | None:
    """Price as JSON can hold it: None where there is no such hardware."""
    return price if math.isfinite(price) else None
