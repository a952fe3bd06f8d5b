"""Pruning in one shot: a budget, a selector and a cut; what is left is retrained with `train`."""

import dataclasses
from collections.abc import Callable
from fractions import Fraction

from pruning.budget import Shares, uniform
from pruning.constraints import NONE, Constraints
from pruning.data import DataSet
from pruning.granularities import units
from pruning.graph import Graph
from pruning.graph_module import GraphModule
from pruning.masks import pruned
from pruning.models import Model, macs_of
from pruning.progress import Progress, silent
from pruning.selectors import SELECTORS, Problem, RandomMasks, Selector
from pruning.threads import use_threads

DEFAULT = RandomMasks()


def graph_macs(found: Graph) -> int:
    """Multiply-adds of one picture by a graph's surviving weights."""
    return sum(macs_of(node) for node in found.nodes)


def prune(
    model: Model,
    data: DataSet,
    *,
    ratio: float = 0.5,
    granularity: str = "feature-map",
    selector: Selector = DEFAULT,
    constraints: Constraints = NONE,
    shares: Shares | Fraction | None = None,
    price: Callable[[Graph], float] = graph_macs,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = silent,
) -> Model:
    """Prune a copy of a trained model; it is not retrained yet.

    Parameters
    ----------
    ratio : float
        Part of the model's price that goes, at least; the same share of every layer.
    granularity : str
        What is cut, one of `pruning.granularities.GRANULARITIES`.
    selector : Selector
        Decides which units go; how many of every layer is the budget's decision.
    constraints : Constraints
        Which layers are pruned, and what masks must be like.
    shares : Fraction, or dict of str to Fraction, optional
        Part of every layer's units that survives, in place of a ratio.
    price : Callable
        What a graph costs. Default: multiply-adds by surviving weights.
    seed : int
        Decides the selector's random choices.

    Returns
    -------
    Model
        Its ``facts["prune"]`` say how it was pruned.

    Raises
    ------
    ValueError
        If the ratio, or anything else that is asked for, cannot be had.
    """
    found = model.module.graph
    if shares is None:
        shares = uniform(found, granularity, ratio, price, constraints)
    chosen = units(found, granularity, shares, constraints)
    with use_threads(threads):
        selection = selector.select(Problem(model, data, chosen, seed, progress))
    trained = selection.model or model
    small = GraphModule(pruned(trained.module.graph, chosen, selection.masks))
    result = Model(small, model.pixels, dict(trained.facts))
    names = {kind: name for name, kind in SELECTORS.items()}
    result.facts["prune"] = {
        "selector": names.get(type(selector), type(selector).__name__),
        "settings": dataclasses.asdict(selector),
        "granularity": granularity,
        "ratio": ratio,
        "seed": seed,
        "kept": {unit.name: int(unit.keep.sum()) for unit in chosen},
        "macs": {"before": model.macs, "after": result.macs},
        "errors": min(selection.candidates, default=None),
        "images": len(data.validation),
        "candidates": list(selection.candidates),
    }
    return result
