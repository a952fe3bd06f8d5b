"""The best fold of one layer within a budget, among all that there are."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hw.cost import predict_interval
from hw.fold_choices import alone
from hw.layers import Conv
from hw.list_lengths import ListLengths
from hw.network import Network
from hw.plan import Fold, Folding

LEAST_USE = 0.88  # part of the budget that a fold must use
LEAST_UTILISATION = 0.97
MOST_OVER_INPUT = 1.02  # cycles over the pixels of a picture, where these set the pace


@dataclass(frozen=True)
class Choice:
    """A folding of a network of one layer, its predicted cycles, and whether it is good.

    It is good if its utilisation, MACs on padding included, is at least `LEAST_UTILISATION` or,
    where its lists are shorter than a picture takes to enter (`input_bound`), if it takes no longer
    than that, or hardly.
    """

    folding: Folding
    cycles: int
    input_bound: bool
    good: bool


@dataclass(frozen=True)
class _Candidate:
    """A fold, and the fewest cycles that its lists may take."""

    fold: Fold
    cycles: int


def fewest(budget: int) -> int:
    """Fewest multipliers that a fold may have."""
    return math.ceil(LEAST_USE * budget)


def best_folding(network: Network, budget: int) -> Choice:
    """Choose the fastest of the good folds within a budget; of all, where none is good.

    Of folds that are equally fast, the one with the fewest multipliers, then sequencers, then
    lanes.

    Parameters
    ----------
    network : Network
        An input and one convolution.
    budget : int
        Most multipliers.

    Raises
    ------
    ValueError
        If no fold has as many multipliers as it must have.
    """
    search = _Search(network)
    candidates = sorted(
        search.candidates(fewest(budget), budget),
        key=lambda c: (max(c.cycles, search.pixels), c.fold.multipliers, c.fold.R, c.fold.P),
    )
    if not candidates:
        raise ValueError(
            f"layer {search.conv.name!r}: budget must allow a fold of {fewest(budget)} to {budget} "
            f"multipliers, not {budget!r}"
        )
    good = search.fastest(filter(search.may_be_good, candidates), lambda choice: choice.good)
    best = good or search.fastest(candidates, lambda choice: True)
    assert best is not None
    return best


class _Search:
    def __init__(self, network: Network) -> None:
        self.network = network
        _, conv = network.layers
        assert isinstance(conv, Conv)
        self.conv = conv
        _, *size = network.formats[conv.source].shape
        self.pixels, self.width = size[0] * size[1], size[1]

    def candidates(self, low: int, high: int) -> list[_Candidate]:
        """All folds of so many multipliers; those that leave a lane without a column are worse."""
        channels, height, width = self.network.formats[self.conv.name].shape
        found = []
        for group in range(1, min(channels, high) + 1):
            lists = ListLengths.of(alone(self.network, self.conv, Fold(1, group)))
            for lanes in _busy_lanes(width):
                share = lanes * group
                for sequencers in range(-(-low // share), min(channels, high // share) + 1):
                    walked, inside = lists.fewest(sequencers, channels)
                    streams = -(-channels * height // walked)
                    fold = Fold(lanes, group, sequencers, streams)
                    entries = inside if lists.may_skip(fold) else walked
                    found.append(_Candidate(fold, entries * -(-width // lanes)))
        return found

    def may_be_good(self, candidate: _Candidate) -> bool:
        return self.choice({}, candidate.fold, candidate.cycles, candidate.cycles).good

    def choice(self, folding: Folding, fold: Fold, lists: int, cycles: int) -> Choice:
        """Judge a folding by the cycles of its lists, and by those that a picture takes in all."""
        if lists < self.pixels:
            return Choice(folding, cycles, True, cycles <= MOST_OVER_INPUT * self.pixels)
        used = self.network.macs / (cycles * fold.multipliers)
        return Choice(folding, cycles, False, used >= LEAST_UTILISATION)

    def fastest(
        self, candidates: Iterable[_Candidate], accept: Callable[[Choice], bool]
    ) -> Choice | None:
        """Find the first of the fastest; candidates come in the order of their fewest cycles."""
        best = None
        for candidate in candidates:
            if best is not None and max(candidate.cycles, self.pixels) >= best.cycles:
                break
            choice = self.predict(candidate)
            if accept(choice) and (best is None or choice.cycles < best.cycles):
                best = choice
        return best

    def predict(self, candidate: _Candidate) -> Choice:
        """Predict a fold's cycles with the narrowest beats from the input that serve it best."""
        best, folding = None, {}
        for lanes in _busy_lanes(self.width):
            wider = {self.conv.source: Fold(lanes), self.conv.name: candidate.fold}
            cycles = predict_interval(self.network, wider)
            if best is None or cycles < best:
                best, folding = cycles, wider
            if cycles <= max(candidate.cycles, self.pixels):
                break
        assert best is not None
        return self.choice(folding, candidate.fold, candidate.cycles, best)


def _busy_lanes(width: int) -> list[int]:
    """Numbers of lanes of which each has a column of a row, ascending."""
    return sorted({-(-width // block) for block in range(1, width + 1)})
