"""Folds of a network's layers that meet a budget of multipliers, or an interval."""

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise, product

from hw.columns import Columns, Segments
from hw.cost import predict_interval
from hw.fold import MULTIPLIER_LUTS, STREAM_LUTS, Fold, Folding
from hw.fold_choices import MOST_STREAMS, alone, choices, parts, undominated
from hw.layer_plan import LayerPlan
from hw.layers import Add, Concat, Conv, Input, Layer
from hw.network import Network
from hw.plan import is_stored_apart

# What a multiplier is worth in LUTs: the first that fits a budget of multipliers is taken.
_WORTH = (MULTIPLIER_LUTS, 500, 1 << 20)


def fold_to_multipliers(network: Network, multipliers: int) -> Folding:
    """Fold a network for the shortest interval that a number of multipliers allows.

    Many sequencers that make a layer hardly faster (3 %) are not taken.

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
    best, shortest, cycles = None, None, search.shortest(multipliers)
    while shortest is None or cycles < shortest:  # the whole can be slower than each of its layers
        folding = search.cheapest(cycles, multipliers)
        assert folding is not None
        folding, interval = _with_input(network, folding, cycles)
        if shortest is None or interval < shortest:
            best, shortest = folding, interval
        longer = bisect_right(search.intervals, cycles)
        if longer == len(search.intervals):
            break
        cycles = search.intervals[longer]
    assert best is not None
    return best


def fold_to_interval(network: Network, cycles: int) -> Folding:
    """Fold a network onto the fewest multipliers whose interval is not above a number of cycles.

    Many sequencers that make a layer hardly faster (3 %) are not taken.

    Raises
    ------
    ValueError
        If no fold is fast enough.
    """
    search, limit = _Search(network), cycles
    while (folding := search.cheapest(limit)) is not None:
        folding, interval = _with_input(network, folding, cycles)
        if interval <= cycles:
            return folding
        shorter = bisect_left(search.intervals, limit)
        if not shorter:
            break
        limit = search.intervals[shorter - 1]
    folding = search.cheapest(search.shortest())
    assert folding is not None
    _, fastest = _with_input(network, folding, 0)
    raise ValueError(
        f"network {network.name!r}: interval must be at least {fastest} cycles, not {cycles!r}"
    )


def _with_input(network: Network, folding: Folding, cycles: int) -> tuple[Folding, int]:
    """Widen the beats of the input as long as the whole is slower than some cycles and gains."""
    interval = predict_interval(network, folding)
    picture = network.input
    for lanes in parts(picture.shape[2]):
        if interval <= cycles:
            break
        wider = folding | {picture.name: Fold(lanes)}
        found = predict_interval(network, wider)
        if found < interval:
            folding, interval = wider, found
    return folding, interval


@dataclass(frozen=True)
class _Link:
    """What a layer takes from another: lanes of a beat, channels; and who may have more streams."""

    lanes: int
    channels: int
    layer: Layer | None = None


class _Search:
    """Search over the folds of a network.

    Whether a layer can be written to in time depends on its lanes and its producer's. In a chain
    the cheapest folds within some cycles are a cheapest path, found layer by layer for every number
    of lanes; where branches meet, each layer in turn takes the cheapest fold that its producers
    allow.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers = [layer for layer in network.layers if not isinstance(layer, Add | Concat)]
        self.every = [choices(network, layer) for layer in self.layers]
        self.choices = [self.every[0], *(undominated(found) for found in self.every[1:])]
        self.segments, self.write_cycles = cache(self._segments), cache(self._write_cycles)
        self.plans, self.walked = cache(self._plan), cache(self._walked)
        self.mended = 0  # times that estimates were put right
        chain = all(b.inputs == (a.name,) for a, b in pairwise(network.layers))
        self.path = self._cheapest_path if chain else self._cheapest_in_turn
        lanes = [sorted({choice.fold.P for choice in layer}) for layer in self.choices]
        written = {
            self.write_cycles(index, producer, consumer)
            for index in range(1, len(lanes))
            for producer, consumer in product(parts(self._width(index)), lanes[index])
        }
        self.intervals = sorted(written | {c.cycles for layer in self.choices for c in layer})

    def cheapest(self, cycles: int, multipliers: int | None = None) -> Folding | None:
        """Cheapest folds of which none takes more than some cycles.

        Fewest LUTs within a number of multipliers, or fewest multipliers if none is given; None if
        there is no such fold.
        """
        for worth in _WORTH[-1:] if multipliers is None else _WORTH:
            folding = self.path(cycles, worth)
            while folding is not None and self._mend(folding, cycles):
                folding = self.path(cycles, worth)
            fits = folding is not None and (
                multipliers is None or self._multipliers(folding) <= multipliers
            )
            if fits:
                return folding
        return None

    def shortest(self, multipliers: int | None = None) -> int:
        """Fewest cycles in which some folds are, at least of those that are known."""
        while True:
            mended = self.mended
            start = bisect_left(
                self.intervals.copy(),
                True,
                key=lambda cycles: self.cheapest(cycles, multipliers) is not None,
            )
            if mended == self.mended:
                return self.intervals[start]

    def _mend(self, folding: Folding, cycles: int) -> bool:
        """Put right the choices whose lists, once shared, take more cycles than was estimated."""
        slow = False
        for index, layer in enumerate(self.layers):
            fold = folding[layer.name]
            if isinstance(layer, Input) or self._unskipped(index, fold) <= cycles:
                continue
            if self.walked(index, fold) <= cycles:
                continue
            slow = True
            width = self.network.formats[layer.name].shape[2]
            rows = self.walked(index, fold) // -(-width // fold.P)
            for place, choice in enumerate(self.every[index]):
                other = choice.fold
                if (other.G, other.R) != (fold.G, fold.R) or other.E > fold.E:
                    continue
                if other.P == fold.P or choice.cycles >= choice.whole:  # others may skip some
                    found = max(choice.cycles, rows * -(-width // other.P))
                    self.every[index][place] = replace(choice, cycles=found)
                    if found not in self.intervals:
                        insort(self.intervals, found)
            self.choices[index] = undominated(self.every[index])
        self.mended += slow
        return slow

    def _unskipped(self, index: int, fold: Fold) -> int:
        """Cycles that a layer's lists take if nothing is skipped, which is soon known."""
        width = self.network.formats[self.layers[index].name].shape[2]
        made = self.plans(index, replace(fold, P=1))
        return len(made.scheduled(0)) * made.rows.outputs * -(-width // fold.P)

    def _walked(self, index: int, fold: Fold) -> int:
        """Cycles that a layer's lists take."""
        return self.plans(index, replace(fold, P=1)).on_lanes(fold.P).compute_cycles

    def _plan(self, index: int, fold: Fold) -> LayerPlan:
        """Plan of a layer alone."""
        return alone(self.network, self.layers[index], fold)

    def _multipliers(self, folding: Folding) -> int:
        layers = [layer for layer in self.layers if isinstance(layer, Conv)]
        return sum(folding[layer.name].multipliers for layer in layers)

    def _cheapest_path(self, cycles: int, worth: int) -> Folding | None:
        """Folds of a chain that cost least if a multiplier is worth some LUTs."""
        best: dict[int, tuple[int, tuple]] = {0: (0, ())}
        for index, allowed in enumerate(self.choices):
            after: dict[int, tuple[int, tuple]] = {}
            for choice in allowed:
                if choice.cycles > cycles:
                    continue
                lanes, cost = choice.fold.P, choice.luts + worth * choice.multipliers
                for producer, (before, path) in best.items():
                    written = index and self.write_cycles(index, producer, lanes)
                    streams = self._streams(self.layers[index - 1], written, cycles)
                    if streams > 1:  # the producer's results leave so many abreast
                        path, fold = path
                        before += STREAM_LUTS * producer * max(streams - fold.E, 0)
                        path = path, replace(fold, E=max(streams, fold.E))
                    if streams and (lanes not in after or before + cost < after[lanes][0]):
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
        links: dict[str, tuple[_Link, ...]] = {}  # by layer, or by concat those of its sources
        for layer in self.network.layers:
            channels = self.network.formats[layer.name].shape[0]
            if isinstance(layer, Add | Concat):
                arriving = tuple(link for name in layer.inputs for link in links[name])
                whole = not isinstance(layer, Concat) or not is_stored_apart(self.network, layer)
                links[layer.name] = (_Link(arriving[0].lanes, channels),) if whole else arriving
                continue
            index = self.layers.index(layer)
            arriving = links[layer.inputs[0]] if layer.inputs else ()
            fits = []
            for choice in self.choices[index]:
                lanes, cost = choice.fold.P, choice.luts + worth * choice.multipliers
                wider: Folding = {}
                for link in arriving:
                    written = self.write_cycles(index, link.lanes, lanes, link.channels)
                    streams = self._streams(link.layer, written, cycles)
                    if not streams:
                        break
                    if link.layer and streams > folding[link.layer.name].E:
                        fold = folding[link.layer.name]
                        wider[link.layer.name] = replace(fold, E=streams)
                        cost += STREAM_LUTS * link.lanes * (streams - fold.E)
                else:
                    if choice.cycles <= cycles:
                        fits.append((cost, choice.fold, wider))
            if not fits:
                return None
            _, fold, wider = min(fits, key=lambda found: found[0])
            folding |= wider | {layer.name: fold}
            own = None if isinstance(layer, Input) else layer
            links[layer.name] = (_Link(fold.P, channels, own),)
        return folding

    def _streams(self, layer: Layer | None, written: int, cycles: int) -> int:
        """Streams in which a layer's results must leave to be written in time; 0 if too many."""
        if written <= cycles:
            return 1
        if layer is None or isinstance(layer, Input):
            return 0
        most = min(MOST_STREAMS, self.network.formats[layer.name].shape[0])
        streams = -(-written // cycles)
        return 0 if streams > most else streams

    def _width(self, index: int) -> int:
        """Columns of what a layer takes."""
        return self.network.formats[self.layers[index].inputs[0]].shape[2]

    def _write_cycles(
        self, index: int, producer: int, lanes: int, channels: int | None = None
    ) -> int:
        """Cycles in which a layer takes some, else all, channels from a producer's lanes."""
        every, height, width = self.network.formats[self.layers[index].inputs[0]].shape
        writes = self.segments(index, lanes).writes(Columns(width, producer))
        return sum(len(steps) for steps in writes) * (channels or every) * height

    def _segments(self, index: int, lanes: int) -> Segments:
        """Columns of what a layer takes over its lanes."""
        layer = self.layers[index]
        if lanes > 1:
            result = self.network.formats[layer.name]
            return replace(self.segments(index, 1), columns=Columns(result.shape[2], lanes))
        return alone(self.network, layer, Fold(1)).segments
