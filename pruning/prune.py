"""Pruning in one shot: a budget, a selector and a cut; what is left is retrained with `train`."""

import dataclasses

from pruning.budget import survivors
from pruning.data import DataSet
from pruning.models import Model
from pruning.progress import Progress, silent
from pruning.selectors import SELECTORS, Problem, RandomMasks, Selector
from pruning.surgery import cut
from pruning.threads import use_threads
from pruning.units import feature_maps

DEFAULT = RandomMasks()


def prune(
    model: Model,
    data: DataSet,
    *,
    ratio: float = 0.5,
    selector: Selector = DEFAULT,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Model:
    """Cut feature maps out of a copy of a trained model; it is not retrained yet.

    Parameters
    ----------
    ratio : float
        Share of the model's multiply-adds that goes, at least.
    selector : Selector
        Decides which maps go; how many of every layer is the budget's decision.
    seed : int
        Decides the selector's random choices.

    Returns
    -------
    Model
        Its ``facts["prune"]`` say how it was pruned.

    Raises
    ------
    ValueError
        If the ratio cannot be had.
    """
    keep = survivors(model, ratio)
    units = tuple(unit for unit in feature_maps(model.module) if unit.layer in keep)
    with use_threads(threads):
        chosen = selector.select(Problem(model, data, units, keep, seed, progress))
    pruned = cut(model, chosen.masks)
    names = {kind: name for name, kind in SELECTORS.items()}
    pruned.facts["prune"] = {
        "selector": names.get(type(selector), type(selector).__name__),
        "settings": dataclasses.asdict(selector),
        "granularity": "feature-map",
        "ratio": ratio,
        "seed": seed,
        "kept": keep,
        "macs": {"before": model.macs, "after": pruned.macs},
        "errors": min(chosen.candidates, default=None),
        "images": len(data.validation),
        "candidates": list(chosen.candidates),
    }
    return pruned
