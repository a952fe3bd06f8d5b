"""Folds of a network's layers that meet a budget of multipliers, or an interval."""

from bisect import bisect_left, bisect_right

import numpy as np

from hw.fold import MULTIPLIER_LUTS, STREAM_LUTS, Fold, Folding
from hw.fold_choices import Choice, parts, undominated
from hw.fold_search import Search
from hw.layers import Conv
from hw.network import Network
from hw.plan_memo import PlanMemo

# What a multiplier is worth in LUTs: the first that fits a budget of multipliers is taken.
_WORTH = (MULTIPLIER_LUTS, 500, 1 << 20)


class MultiplierBudget:
    """A number of multipliers, or as few as possible if it is None; else few LUTs, roughly.

    A price is what a multiplier is worth in LUTs.
    """

    resolution = 1.0

    def __init__(self, network: Network, most: int | None = None) -> None:
        self.multiply = [layer.name for layer in network.layers if isinstance(layer, Conv)]
        self.most = most
        self.price = _WORTH[-1] if most is None else _WORTH[0]

    def sift(self, choices: list[Choice]) -> list[Choice]:
        """Leave out choices that others are no worse than, or nearly."""
        return undominated(choices)

    def costs(self, index: int, lanes: int, choices: list[Choice], price: int) -> np.ndarray:
        """Costs of folds, in LUTs."""
        return np.array([choice.luts + price * choice.multipliers for choice in choices])

    def stream_cost(self, index: int, price: int) -> float:
        """Cost of one more stream of a lane, in LUTs."""
        return STREAM_LUTS

    def may_fit(self, folding: Folding) -> bool:
        """Whether there are enough multipliers."""
        return self.most is None or self.most >= multipliers(self.multiply, folding)

    fits = may_fit

    def learn(self, folding: Folding) -> bool:
        """Nothing: it is all known."""
        return False

    def dearer(self, price: int, folding: Folding) -> int | None:
        """Let multipliers be worth more."""
        return next((worth for worth in _WORTH if worth > price), None)


def multipliers(names: list[str], folding: Folding) -> int:
    """Multipliers of some layers."""
    return sum(folding[name].multipliers for name in names)


def fold_to_multipliers(network: Network, multipliers: int) -> Folding:
    """Fold a network for the shortest interval that a number of multipliers allows.

    Many sequencers that make a layer hardly faster (3 %) are not taken.

    Parameters
    ----------
    network : Network
    multipliers : int
        Upper bound on the sum of ``P * G * R`` over the layers.

    Raises
    ------
    ValueError
        If there is not one multiplier for every layer that multiplies.
    """
    least = sum(isinstance(layer, Conv) for layer in network.layers)
    if multipliers < least:
        raise ValueError(
            f"multipliers must be at least {least}, one for each layer of {network.name!r} that "
            f"multiplies, not {multipliers!r}"
        )
    budget = MultiplierBudget(network, multipliers)
    folding = fastest(Search(network, budget, PlanMemo()))
    assert folding is not None
    return folding


def fold_to_interval(network: Network, cycles: int) -> Folding:
    """Fold a network onto the fewest multipliers whose interval is not above a number of cycles.

    Many sequencers that make a layer hardly faster (3 %) are not taken.

    Raises
    ------
    ValueError
        If no fold is fast enough.
    """
    search = Search(network, MultiplierBudget(network), PlanMemo())
    folding = within(search, cycles)
    if folding is not None:
        return folding
    shortest = search.shortest()
    assert shortest is not None
    folding = search.cheapest(shortest)
    assert folding is not None
    _, interval = _with_input(search, folding, 0)
    raise ValueError(
        f"network {network.name!r}: interval must be at least {interval} cycles, not {cycles!r}"
    )


def fastest(search: Search) -> Folding | None:
    """Find the folds with the shortest interval within a search's budget; None if none fit."""
    best, shortest, cycles = None, None, search.shortest()
    if cycles is None:
        return None
    while shortest is None or cycles < shortest:  # the whole can be slower than each of its layers
        folding = search.cheapest(cycles)
        if folding is not None:
            folding, interval = _with_input(search, folding, cycles)
            if shortest is None or interval < shortest:
                best, shortest = folding, interval
        longer = bisect_right(search.intervals, cycles)
        if longer == len(search.intervals):
            break
        cycles = search.intervals[longer]
    return best


def within(search: Search, cycles: int) -> Folding | None:
    """Find the cheapest folds within a search's budget that are within some cycles, if any are."""
    limit = cycles
    while (folding := search.cheapest(limit)) is not None:
        folding, interval = _with_input(search, folding, cycles)
        if interval <= cycles:
            return folding
        shorter = bisect_left(search.intervals, limit)
        if not shorter:
            break
        limit = search.intervals[shorter - 1]
    return None


def _with_input(search: Search, folding: Folding, cycles: int) -> tuple[Folding, int]:
    """Widen the beats of the input as long as the whole is slower than some cycles and gains."""
    interval = search.interval(folding)
    picture = search.network.input
    for lanes in parts(picture.shape[2]):
        if interval <= cycles:
            break
        wider = folding | {picture.name: Fold(lanes)}
        found = search.interval(wider)
        if found < interval and search.budget.fits(wider):
            folding, interval = wider, found
    return folding, interval
