"""Allocation: which part of the units of every layer survives, so that a price is met."""

from bisect import bisect_left
from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from pruning.constraints import NONE, Constraints
from pruning.example_masks import largest
from pruning.granularities import candidates, units
from pruning.graph import Graph
from pruning.masks import pruned
from pruning.models import graph_macs
from pruning.price import Price
from pruning.sensitivity import Curve, shares_of

Shares = Mapping[str, Fraction]
"""Part of the units that survives, by the name of the candidate."""

ALLOCATIONS = ("uniform", "sensitivity")
_OCTAVES = 20  # of what the price of the whole is worth on the curves, up and down
_HALVINGS = 16  # of that range


def uniform(
    found: Graph,
    granularity: str,
    price: Price,
    limit: float | Fraction,
    constraints: Constraints = NONE,
) -> Shares:
    """Find the largest share, the same for all, at which a price is within a limit.

    Candidates that cannot have a share as small keep their smallest one.

    Parameters
    ----------
    price : Callable
        What a graph costs; such as `pruning.budget.Budget.price` makes it.
    limit : float
        The most that it may cost.

    Raises
    ------
    ValueError
        If the smallest share does not meet the limit.
    """
    known = candidates(found, granularity, constraints)

    def at(share: Fraction) -> Shares:
        return {c.name: max(share, c.least) for c in known}

    def over(share: Fraction) -> bool:
        return price(example_of(found, granularity, at(share), constraints)) > limit

    steps = {Fraction(n, c.count) for c in known for n in range(1, c.count + 1)}
    steps = sorted(share for share in steps if share >= min(c.least for c in known))
    met = bisect_left(steps, True, key=over)
    if not met:
        smallest = example_of(found, granularity, at(steps[0]), constraints)
        raise _unmet(granularity, limit, price(smallest))
    return at(steps[met - 1])


def by_sensitivity(
    found: Graph,
    granularity: str,
    price: Price,
    limit: float | Fraction,
    curves: Mapping[str, Curve],
    constraints: Constraints = NONE,
    proxy: Price = graph_macs,
) -> Shares:
    """Find shares that disturb a model least at which a price is within a limit.

    Every candidate has the share at which its curve and its price, at some rate between the two,
    are least in sum. The rate is narrowed down to where the price of all of them, pruned together,
    meets the limit; at last one layer after the other is moved as far as can be towards the next
    lower rate. That curves add up is an assumption; that the limit is met is not. This is the
    Lagrangian method of bit allocation (Shoham and Gersho, IEEE Trans. ASSP 36, 1988), with shares
    for bits.

    Parameters
    ----------
    price, limit
        As `uniform`.
    curves : dict of str to Curve
        Of every candidate, as `pruning.sensitivity.sensitivities` measures them.
    proxy : Callable
        What a candidate's units cost, if it is pruned alone. The price itself will not do where
        folds redistribute what one layer saves, in steps: then a layer alone often saves nothing.

    Raises
    ------
    ValueError
        If the smallest shares do not meet the limit.
    """
    search = _Search(found, granularity, curves, constraints, proxy)
    tried: dict[tuple[Fraction, ...], bool] = {}

    def fits(shares: tuple[Fraction, ...]) -> bool:
        if shares not in tried:
            example = example_of(found, granularity, search.named(shares), constraints)
            tried[shares] = price(example) <= limit
        return tried[shares]

    under, over = search.at(np.inf), search.at(0.0)
    if fits(over):
        return search.named(over)
    if not fits(under):
        example = example_of(found, granularity, search.named(under), constraints)
        raise _unmet(granularity, limit, price(example))
    low, high = -float(_OCTAVES), float(_OCTAVES)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        shares = search.at(2.0**middle)
        if fits(shares):
            high, under = middle, shares
        else:
            low, over = middle, shares
    for index, steps in enumerate(search.shares):
        more = [share for share in steps if under[index] < share <= over[index]]
        moved = [(*under[:index], share, *under[index + 1 :]) for share in more]
        met = bisect_left(moved, True, key=lambda shares: not fits(shares))
        under = moved[met - 1] if met else under
    return search.named(under)


class _Search:
    """Shares of every candidate, what they cost and how much they disturb."""

    def __init__(
        self,
        found: Graph,
        granularity: str,
        curves: Mapping[str, Curve],
        constraints: Constraints,
        proxy: Price,
    ) -> None:
        self.known = candidates(found, granularity, constraints)
        self.shares = [shares_of(candidate, constraints) for candidate in self.known]
        whole = proxy(found)
        self.roots, self.prices = [], []
        for candidate, shares in zip(self.known, self.shares, strict=True):
            ends = (shares[0], shares[len(shares) // 2], Fraction(1))
            costs = [
                proxy(example_of(found, granularity, {candidate.name: share}, constraints)) / whole
                for share in ends
            ]
            at = np.array([float(share) for share in shares])
            self.prices.append(np.interp(at, [float(share) for share in ends], costs))
            self.roots.append(curves[candidate.name](at))

    def at(self, rate: float) -> tuple[Fraction, ...]:
        """Shares where curve and price, at a rate, are least in sum; of equals, the largest."""
        found = []
        for shares, roots, prices in zip(self.shares, self.roots, self.prices, strict=True):
            sums = prices if np.isinf(rate) else roots + rate * prices
            best = np.flatnonzero(sums <= sums.min())
            found.append(shares[best[0 if np.isinf(rate) else -1]])
        return tuple(found)

    def named(self, shares: tuple[Fraction, ...]) -> Shares:
        """Shares by the names of the candidates."""
        return {c.name: share for c, share in zip(self.known, shares, strict=True)}


def example_of(
    found: Graph, granularity: str, shares: Shares, constraints: Constraints = NONE
) -> Graph:
    """Prune a graph to shares without asking a selector which units are the best.

    No other pruning to these shares leaves more weights; of those that leave as many, the units
    with the largest weights survive, so that the lists of taps look as those of real masks do.
    """
    chosen = units(found, granularity, shares, constraints)
    return pruned(found, chosen, largest(found, chosen))


def _unmet(granularity: str, limit: float | Fraction, least: float) -> ValueError:
    if np.isinf(least):
        return ValueError(f"budget cannot be had: no {granularity} pruning makes such hardware")
    return ValueError(
        f"budget must be at least {least:,.0f}, the least that {granularity} pruning leaves, "
        f"not {float(limit):,.0f}"
    )
