"""Folds of a network's layers that meet a budget of multipliers, or an interval."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product

from hw.columns import Columns
from hw.events import steady_cycles
from hw.fold import Fold, Folding
from hw.layer_plan import LayerPlan, walked_layer
from hw.layers import Add, Conv, Input, Layer
from hw.network import Network
from hw.taps import list_lengths, outputs_alike

# Outputs that walk the same taps share an activation for nothing, so sequencers only help a little.
MOST_SEQUENCERS, MOST_SEQUENCERS_ALIKE = 16, 5
# What a multiplier is worth in LUTs: the first that fits a budget of multipliers is taken.
_WORTH = (0, 30, 100, 300, 1 << 20)


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
        folding, interval = _with_input(network, folding, cycles)
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
    for limit in reversed([limit for limit in search.intervals if limit <= cycles]):
        folding = search.cheapest(limit)
        if folding is None:
            break
        folding, interval = _with_input(network, folding, cycles)
        if interval <= cycles:
            return folding
    _, fastest = next(
        _with_input(network, folding, 0)
        for limit in search.intervals
        if (folding := search.cheapest(limit)) is not None
    )
    raise ValueError(
        f"network {network.name!r}: interval must be at least {fastest} cycles, not {cycles!r}"
    )


def _with_input(network: Network, folding: Folding, cycles: int) -> tuple[Folding, int]:
    """Widen the beats of the input as long as the whole is slower than some cycles and gains."""
    interval, _ = steady_cycles(network, folding)
    picture = network.input
    for lanes in _parts(picture.shape[2]):
        if interval <= cycles:
            break
        wider = folding | {picture.name: Fold(lanes)}
        found, _ = steady_cycles(network, wider)
        if found < interval:
            folding, interval = wider, found
    return folding, interval


@dataclass(frozen=True)
class _Choice:
    """A fold of a layer, the cycles its lists take for one picture, and what it costs.

    `luts` is a rough count of LUT4-equivalents, enough to compare folds.
    """

    fold: Fold
    cycles: int
    multipliers: int
    luts: int

    @staticmethod
    def of(fold: Fold, cycles: int, *, multiplies: bool) -> "_Choice":
        """Choose a fold."""
        return _Choice(fold, cycles, fold.multipliers if multiplies else 0, fold.luts)

    def cheaper(self, other: "_Choice") -> bool:
        """Whether this one is no worse than another in anything."""
        return (
            self.cycles <= other.cycles
            and self.multipliers <= other.multipliers
            and self.luts <= other.luts
        )


class _Search:
    """Search over the folds of a network.

    Whether a layer can be written to in time depends on its lanes and its producer's. In a chain
    the cheapest folds within some cycles are a cheapest path, found layer by layer for every number
    of lanes; where branches meet, each layer in turn takes the cheapest fold that its producers
    allow.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers = [layer for layer in network.layers if not isinstance(layer, Add)]
        self.choices = [self._choices(layer) for layer in self.layers]
        self.write_cycles = cache(self._write_cycles)
        chain = all(b.inputs == (a.name,) for a, b in pairwise(network.layers))
        self.path = self._cheapest_path if chain else self._cheapest_in_turn
        lanes = [sorted({choice.fold.P for choice in layer}) for layer in self.choices]
        written = {
            self.write_cycles(index, producer, consumer)
            for index in range(1, len(lanes))
            for producer, consumer in product(_parts(self._width(index)), lanes[index])
        }
        self.intervals = sorted(written | {c.cycles for layer in self.choices for c in layer})

    def cheapest(self, cycles: int, multipliers: int | None = None) -> Folding | None:
        """Cheapest folds of which none takes more than some cycles.

        Fewest LUTs within a number of multipliers, or fewest multipliers if none is given; None if
        there is no such fold.
        """
        for worth in _WORTH[-1:] if multipliers is None else _WORTH:
            folding = self.path(cycles, worth)
            if folding is None:
                return None
            if multipliers is None or self._multipliers(folding) <= multipliers:
                return folding
        return None

    def _multipliers(self, folding: Folding) -> int:
        layers = [layer for layer in self.layers if isinstance(layer, Conv)]
        return sum(folding[layer.name].multipliers for layer in layers)

    def _cheapest_path(self, cycles: int, worth: int) -> Folding | None:
        """Folds of a chain that cost least if a multiplier is worth some LUTs."""
        best: dict[int, tuple[int, tuple]] = {0: (0, ())}
        for index, choices in enumerate(self.choices):
            after: dict[int, tuple[int, tuple]] = {}
            for choice in choices:
                if choice.cycles > cycles:
                    continue
                lanes, cost = choice.fold.P, choice.luts + worth * choice.multipliers
                for producer, (before, path) in best.items():
                    if lanes in after and after[lanes][0] <= before + cost:
                        continue
                    if index == 0 or self.write_cycles(index, producer, lanes) <= cycles:
                        after[lanes] = before + cost, (path, choice.fold)
            best = after
        if not best:
            return None
        _, path = min(best.values(), key=lambda found: found[0])
        folding = {}
        for layer in reversed(self.layers):
            path, folding[layer.name] = path
        return folding

    def _cheapest_in_turn(self, cycles: int, worth: int) -> Folding | None:
        """Folds that each cost least if a multiplier is worth some LUTs."""
        folding: Folding = {}
        lanes: dict[str, int] = {}
        for layer in self.network.layers:
            if isinstance(layer, Add):
                lanes[layer.name] = lanes[layer.sources[0]]
                continue
            index = self.layers.index(layer)
            fits = [
                choice
                for choice in self.choices[index]
                if choice.cycles <= cycles
                and all(
                    self.write_cycles(index, lanes[name], choice.fold.P) <= cycles
                    for name in layer.inputs
                )
            ]
            if not fits:
                return None
            best = min(fits, key=lambda choice: choice.luts + worth * choice.multipliers)
            folding[layer.name], lanes[layer.name] = best.fold, best.fold.P
        return folding

    def _width(self, index: int) -> int:
        """Columns of what a layer takes."""
        return self.network.formats[self.layers[index].inputs[0]].shape[2]

    def _choices(self, layer: Layer) -> list[_Choice]:
        """Folds of a layer that leave no lane and no place in a group idle throughout."""
        channels, height, width = self.network.formats[layer.name].shape
        if isinstance(layer, Input):
            return [_Choice.of(Fold(n), 0, multiplies=False) for n in _parts(width)]
        source = self.network.formats[layer.inputs[0]]
        multiplies = isinstance(layer, Conv)
        walked = walked_layer(layer, source)
        inputs = source.shape[0]
        most = MOST_SEQUENCERS_ALIKE if outputs_alike(walked, inputs) else MOST_SEQUENCERS
        choices = []
        for group in _parts(channels) if multiplies else [1]:
            lengths = [max(n, group) for n in list_lengths(walked, inputs, group) if n] or [1]
            for sequencers in range(1, min(len(lengths), most) + 1):
                share = _share(lengths, sequencers, channels, splittable=multiplies)
                for lanes in _parts(width):
                    fold = Fold(lanes, group, sequencers)
                    cycles = share * -(-width // lanes) * height
                    choices.append(_Choice.of(fold, cycles, multiplies=multiplies))
        return _undominated(choices)

    def _write_cycles(self, index: int, producer: int, lanes: int) -> int:
        """Cycles in which a layer's row buffer takes one picture from a producer's lanes."""
        layer = self.layers[index]
        source, result = (self.network.formats[n] for n in (layer.inputs[0], layer.name))
        columns = Columns(source.shape[2], producer)
        walked = walked_layer(layer, source)
        return LayerPlan(walked, source, result, Fold(lanes), columns).store.write_cycles


def _share(lengths: list[int], sequencers: int, outputs: int, *, splittable: bool) -> int:
    """Entries that each sequencer walks if the lists balance as well as they can."""
    if sequencers == 1:
        return max(sum(lengths), outputs)
    if splittable:
        return max(-(-sum(lengths) // sequencers), *lengths, outputs)
    return max(-(-len(lengths) // sequencers) * max(lengths), outputs)


def _undominated(choices: list[_Choice]) -> list[_Choice]:
    """Choices that none with the same lanes is better than."""
    kept: dict[int, list[_Choice]] = {}
    for choice in sorted(choices, key=lambda c: (c.luts, c.cycles, c.multipliers)):
        same = kept.setdefault(choice.fold.P, [])
        if not any(other.cheaper(choice) for other in same):
            same.append(choice)
    return [choice for same in kept.values() for choice in same]


def _parts(size: int) -> list[int]:
    """Sizes of equal parts of something, one for each number of parts."""
    return sorted({-(-size // parts) for parts in range(1, size + 1)})
