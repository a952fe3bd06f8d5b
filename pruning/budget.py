"""Budgets: which part of the units of every layer survives."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from pruning.constraints import NONE, Constraints
from pruning.granularities import candidates, units
from pruning.graph import Graph
from pruning.masks import pruned

Shares = Mapping[str, Fraction]
"""Part of the units that survives, by the name of the candidate."""


def uniform(
    found: Graph,
    granularity: str,
    ratio: float,
    price: Callable[[Graph], float],
    constraints: Constraints = NONE,
) -> Shares:
    """Find the largest share, the same for all, at which a price falls by a ratio.

    Parameters
    ----------
    ratio : float
        Part of the whole model's price that must go, at least; 0 to 1.
    price : Callable
        What a graph costs; such as its multiply-adds.

    Raises
    ------
    ValueError
        If the ratio is out of range, or the smallest share does not meet it.
    """
    if not 0 <= ratio < 1:
        raise ValueError(f"ratio must be at least 0 and below 1, not {ratio!r}")
    known = candidates(found, granularity, constraints)
    whole = Fraction(price(found))
    limit = (1 - Fraction(str(ratio))) * whole

    def cost(share: Fraction) -> Fraction:
        shares = dict.fromkeys((candidate.name for candidate in known), share)
        return Fraction(price(example_of(found, granularity, shares, constraints)))

    least = max(candidate.least for candidate in known)
    steps = {Fraction(n, c.count) for c in known for n in range(1, c.count + 1)}
    steps = sorted(share for share in steps if share >= least)
    met = bisect_left(steps, True, key=lambda share: cost(share) > limit)
    if not met:
        most = float(1 - cost(steps[0]) / whole)
        raise ValueError(f"ratio must be at most {most:.3f}, not {ratio!r}")
    return dict.fromkeys((candidate.name for candidate in known), steps[met - 1])


def example_of(
    found: Graph, granularity: str, shares: Shares, constraints: Constraints = NONE
) -> Graph:
    """Prune a graph to shares without asking which units are the best: the first ones survive.

    It has the size of any other pruning to these shares; of strided grids, the largest.
    """
    chosen = units(found, granularity, shares, constraints)
    return pruned(found, chosen, {u.name: u.strongest(np.zeros(u.count)) for u in chosen})
