"""Folds of a network's layers that meet a budget of multipliers, or an interval."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from itertools import product
from operator import add

from hw.columns import Columns
from hw.cost import predict
from hw.layers import Conv, Input
from hw.network import Network
from hw.plan import Fold, Folding, LayerPlan
from hw.taps import list_lengths

WIDE_GROUP = 8  # beyond it, the sums of a group are many to gather in one cycle

MOST_SEQUENCERS = 16

Price = tuple[int, ...]


def fold_to_multipliers(network: Network, multipliers: int) -> Folding:
    """Fold a network for the shortest interval that a number of multipliers allows.

    Parameters
    ----------
    network : Network
        A chain.
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
    search = _Search(network)
    start = bisect_left(
        search.intervals, True, key=lambda cycles: search.cheapest(cycles, multipliers) is not None
    )
    best, shortest = None, None
    for cycles in search.intervals[start:]:  # the whole can be slower than each of its layers
        if shortest is not None and cycles >= shortest:
            break
        folding = search.cheapest(cycles, multipliers)
        assert folding is not None
        interval = predict(network, folding).interval
        if shortest is None or interval < shortest:
            best, shortest = folding, interval
    assert best is not None
    return best


def fold_to_interval(network: Network, cycles: int) -> Folding:
    """Fold a network onto the fewest multipliers whose interval is not above a number of cycles.

    Raises
    ------
    ValueError
        If no fold is fast enough.
    """
    search = _Search(network)
    limits = [limit for limit in search.intervals if limit <= cycles]
    for limit in reversed(limits):  # the whole can be slower than each of its layers
        folding = search.cheapest(limit)
        if folding is not None and predict(network, folding).interval <= cycles:
            return folding
    fastest = next(c for c in search.intervals if search.cheapest(c) is not None)
    raise ValueError(
        f"network {network.name!r}: interval must be at least {fastest} cycles, not {cycles!r}"
    )


@dataclass(frozen=True)
class _Choice:
    """A fold of a layer, the cycles its lists take for one picture, and its price.

    Prices are compared from the left: multipliers, sequencers, width of groups beyond what one cycle
    gathers, lanes (each has a requantiser), cycles.
    """

    fold: Fold
    cycles: int
    price: Price


class _Search:
    """Search over the folds of a chain.

    Whether a layer can be written to in time depends on its lanes and its producer's, so the
    cheapest folds within some cycles are a cheapest path, found layer by layer for every number of
    lanes.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.choices = [self._choices(layer) for layer in network.layers]
        self.write_cycles = cache(self._write_cycles)
        lanes = [sorted({choice.fold.P for choice in layer}) for layer in self.choices]
        written = {
            self.write_cycles(index, producer, consumer)
            for index in range(1, len(lanes))
            for producer, consumer in product(lanes[index - 1], lanes[index])
        }
        self.intervals = sorted(written | {c.cycles for layer in self.choices for c in layer})

    def cheapest(self, cycles: int, multipliers: int | None = None) -> Folding | None:
        """Cheapest folds of which none takes more than some cycles; None if too dear or none."""
        best: dict[int, tuple[Price, tuple]] = {0: ((0,) * 5, ())}
        for index, choices in enumerate(self.choices):
            after: dict[int, tuple[Price, tuple]] = {}
            for choice in choices:
                lanes = choice.fold.P
                for producer, (price, path) in best.items():
                    total = tuple(map(add, price, choice.price))
                    if choice.cycles > cycles or (lanes in after and after[lanes][0] <= total):
                        continue
                    if index == 0 or self.write_cycles(index, producer, lanes) <= cycles:
                        after[lanes] = total, (path, choice.fold)
            best = after
        affordable = [
            found for found in best.values() if multipliers is None or found[0][0] <= multipliers
        ]
        if not affordable:
            return None
        _, path = min(affordable, key=lambda found: found[0])
        folding = {}
        for layer in reversed(self.network.layers):
            path, folding[layer.name] = path
        return folding

    def _choices(self, layer) -> list[_Choice]:
        """Folds of a layer that leave no lane and no place in a group idle throughout."""
        channels, height, width = self.network.formats[layer.name].shape
        if isinstance(layer, Input):
            return [_Choice(Fold(lanes), 0, (0, 0, 0, lanes, 0)) for lanes in _parts(width)]
        inputs = self.network.formats[layer.source].shape[0]
        multiplies = isinstance(layer, Conv)
        choices = []
        for group in _parts(channels) if multiplies else [1]:
            lengths = [max(n, group) for n in list_lengths(layer, inputs, group) if n] or [1]
            for sequencers in range(1, min(len(lengths), MOST_SEQUENCERS) + 1):
                share = _share(lengths, sequencers, channels, splittable=multiplies)
                for lanes in _parts(width):
                    fold = Fold(lanes, group, sequencers)
                    cycles = share * -(-width // lanes) * height
                    multipliers = fold.multipliers if multiplies else 0
                    wide = lanes * max(group - WIDE_GROUP, 0)
                    price = (multipliers, sequencers, wide, lanes, cycles)
                    choices.append(_Choice(fold, cycles, price))
        return _undominated(choices)

    def _write_cycles(self, index: int, producer: int, lanes: int) -> int:
        """Cycles in which a layer's row buffer takes one picture from a producer's lanes."""
        layer = self.network.layers[index]
        assert not isinstance(layer, Input)
        source, result = self.network.formats[layer.source], self.network.formats[layer.name]
        columns = Columns(source.shape[2], producer)
        return LayerPlan(layer, source, result, Fold(lanes), columns).write_cycles


def _share(lengths: list[int], sequencers: int, outputs: int, *, splittable: bool) -> int:
    """Entries that each sequencer walks if the lists balance as well as they can."""
    if sequencers == 1:
        return max(sum(lengths), outputs)
    if splittable:
        return max(-(-sum(lengths) // sequencers), *lengths, outputs)
    return max(-(-len(lengths) // sequencers) * max(lengths), outputs)


def _undominated(choices: list[_Choice]) -> list[_Choice]:
    """Choices for which none with the same lanes is both cheaper and no slower."""
    kept, fastest = [], {}
    for choice in sorted(choices, key=lambda choice: choice.price):
        lanes = choice.fold.P
        if choice.cycles < fastest.get(lanes, choice.cycles + 1):
            fastest[lanes] = choice.cycles
            kept.append(choice)
    return kept


def _parts(size: int) -> list[int]:
    """Sizes of equal parts of something, one for each number of parts."""
    return sorted({-(-size // parts) for parts in range(1, size + 1)})
