"""Allocation: which part of the units of every layer survives, so that a price is met."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
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
from pruning.units import Candidate

Shares = Mapping[str, Fraction]
"""Part of the units that survives, by the name of the candidate."""

ALLOCATIONS = ("uniform", "sensitivity")
_OCTAVES = 20  # of what the price of the whole is worth, in units of loss, up and down
_HALVINGS = 16  # of that range, and of what lies between two allocations


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
        raise _unmet(granularity, limit, price(example_of(found, granularity, at(steps[0]))))
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
    """Find shares of the least loss, as far as layers add up, at which a price is within a limit.

    Every candidate has the share at which the rise of the loss and the price, at some rate between
    the two, are least in sum. The rate is halved down to where the price of all of them, pruned
    together, meets the limit; at last all shares are moved as far as can be to those of the next
    rate. That layers add up is an assumption; that the limit is met is not. This is the Lagrangian
    method of bit allocation (Shoham and Gersho, IEEE Trans. ASSP 36, 1988), with shares for bits.

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
    low, high = 0, 1 << _HALVINGS
    while high - low > 1:
        middle = (low + high) // 2
        if fits(search.between(under, over, Fraction(middle, 1 << _HALVINGS))):
            low = middle
        else:
            high = middle
    return search.named(search.between(under, over, Fraction(low, 1 << _HALVINGS)))


class _Search:
    """Shares of every candidate, what they cost and how much they raise the loss."""

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
        self.rises, self.prices = [], []
        for candidate, shares in zip(self.known, self.shares, strict=True):
            ends = (shares[0], shares[len(shares) // 2], Fraction(1))
            costs = [
                proxy(example_of(found, granularity, {candidate.name: share}, constraints)) / whole
                for share in ends
            ]
            at = np.array([float(share) for share in shares])
            self.prices.append(np.interp(at, [float(share) for share in ends], costs))
            self.rises.append(curves[candidate.name](at))

    def at(self, rate: float) -> tuple[Fraction, ...]:
        """Shares where the rise of the loss and the price, at a rate, are least in sum."""
        found = []
        for shares, rises, prices in zip(self.shares, self.rises, self.prices, strict=True):
            sums = prices if np.isinf(rate) else rises + rate * prices
            best = np.flatnonzero(sums <= sums.min())
            found.append(shares[best[0 if np.isinf(rate) else -1]])
        return tuple(found)

    def between(
        self, one: tuple[Fraction, ...], other: tuple[Fraction, ...], part: Fraction
    ) -> tuple[Fraction, ...]:
        """Shares that lie a part of the way from some to others, rounded down to what there is."""
        found = []
        for shares, a, b in zip(self.shares, one, other, strict=True):
            share = a + part * (b - a)
            found.append(max((s for s in shares if s <= share), default=shares[0]))
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
    return ValueError(
        f"budget must be at least {least:,.0f}, the least that {granularity} pruning leaves, "
        f"not {float(limit):,.0f}"
    )
