"""Folds of a network's layers that meet a budget of multipliers, or an interval."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise, product

import numpy as np

from hw.columns import Columns, Segments
from hw.cost import predict_interval
from hw.fold import Fold, Folding
from hw.layer_plan import LayerPlan, walked_layer
from hw.layers import Add, Concat, Conv, Input, Layer
from hw.link import Link
from hw.network import Network
from hw.plan import is_stored_apart
from hw.taps import list_lengths

MOST_SEQUENCERS = 16
_MOST_STREAMS = 4
_STREAM = 350  # LUTs of a lane's requantiser and writer
# What a multiplier is worth in LUTs: the first that fits a budget of multipliers is taken. Parts
# have 200 to 500 LUTs for every multiplier.
_WORTH = (200, 500, 1 << 20)
_BITS_PER_LUT = 45  # of block RAM, in the parts of one family
# A fold that is hardly faster than another on as many multipliers, but larger by far, is not taken.
_HARDLY, _BY_FAR = 1.03, 1.25


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
    interval = predict_interval(network, folding)
    picture = network.input
    for lanes in _parts(picture.shape[2]):
        if interval <= cycles:
            break
        wider = folding | {picture.name: Fold(lanes)}
        found = predict_interval(network, wider)
        if found < interval:
            folding, interval = wider, found
    return folding, interval


@dataclass(frozen=True)
class _Choice:
    """A fold of a layer, the cycles its lists take for one picture, and what it costs.

    `luts` is a rough count of LUT4-equivalents, enough to compare folds: of accumulators, of what
    gathers the sums of several sequencers, of a lane's requantiser and writer, of sequencers and of
    skewed weights, fitted to the rows of ``docs/benchmarks.md``; and a share of the block RAM that
    a sequencer's copy of the row buffer takes.
    """

    fold: Fold
    cycles: int
    multipliers: int
    luts: int

    @staticmethod
    def of(fold: Fold, cycles: int, copy_bits: int, *, multiplies: bool) -> "_Choice":
        """Choose a fold of a layer whose row buffer has some bits."""
        lanes, group, sequencers = fold.P, fold.G, fold.R
        luts = 43 * fold.multipliers + _STREAM * lanes * fold.E + sequencers * (180 + group**2)
        luts += sequencers * (33 * lanes * (sequencers > 1) + copy_bits // _BITS_PER_LUT)
        return _Choice(fold, cycles, fold.multipliers if multiplies else 0, luts)

    def cheaper(self, other: "_Choice") -> bool:
        """Whether this one is no worse than another in anything."""
        return (
            self.cycles <= other.cycles
            and self.multipliers <= other.multipliers
            and self.luts <= other.luts
        )


@dataclass(frozen=True)
class _Link:
    """What a layer takes from another: lanes of a beat, and channels."""

    lanes: int
    channels: int


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
        self.choices = [self._choices(layer) for layer in self.layers]
        self.segments, self.write_cycles = cache(self._segments), cache(self._write_cycles)
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
                    written = index and self.write_cycles(index, producer, lanes)
                    streams = self._streams(index - 1, written, cycles)
                    if streams > 1:  # the producer's results leave so many abreast
                        path, fold = path
                        before += _STREAM * producer * max(streams - fold.E, 0)
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
            fits = [
                choice
                for choice in self.choices[index]
                if choice.cycles <= cycles
                and all(
                    self.write_cycles(index, link.lanes, choice.fold.P, link.channels) <= cycles
                    for link in arriving
                )
            ]
            if not fits:
                return None
            best = min(fits, key=lambda choice: choice.luts + worth * choice.multipliers)
            folding[layer.name] = best.fold
            links[layer.name] = (_Link(best.fold.P, channels),)
        return folding

    def _streams(self, index: int, written: int, cycles: int) -> int:
        """Streams in which a layer's results must leave to be written in time; 0 if too many."""
        if written <= cycles:
            return 1
        layer = self.layers[index]
        most = min(_MOST_STREAMS, self.network.formats[layer.name].shape[0])
        streams = -(-written // cycles)
        return 0 if isinstance(layer, Input) or streams > most else streams

    def _width(self, index: int) -> int:
        """Columns of what a layer takes."""
        return self.network.formats[self.layers[index].inputs[0]].shape[2]

    def _choices(self, layer: Layer) -> list[_Choice]:
        """Folds of a layer that leave no lane and no place in a group idle throughout."""
        channels, height, width = self.network.formats[layer.name].shape
        if isinstance(layer, Input):
            return [_Choice.of(Fold(n), 0, 0, multiplies=False) for n in _parts(width)]
        source = self.network.formats[layer.inputs[0]]
        multiplies = isinstance(layer, Conv)
        walked = walked_layer(layer, source)
        inputs, _, columns = source.shape
        rows = walked.kernel[0] + 2 * walked.stride[0]  # about those of the ring
        bits = rows * columns * inputs * source.bits
        reads_all = isinstance(walked, Conv) and walked.groups == 1
        choices = []
        for group in _parts(channels) if multiplies else [1]:
            lengths = [n for n in list_lengths(walked, inputs, group) if n] or [1]
            # As many as there are lists, or two for each.
            many = [*range(1, len(lengths) + 1), *[2 * len(lengths)] * multiplies]
            most = min(channels, MOST_SEQUENCERS)
            for sequencers in (n for n in many if n <= most):
                copy = bits // (1 if reads_all else sequencers)
                least = _share(lengths, sequencers, splittable=multiplies)
                for streams in range(1, min(_MOST_STREAMS, channels) + 1):
                    held = [max(n, -(-group // streams)) for n in lengths]
                    share = _share(held, sequencers, splittable=multiplies)
                    share = max(share, -(-channels // streams))
                    for lanes in _parts(width):
                        fold = Fold(lanes, group, sequencers, streams)
                        cycles = share * -(-width // lanes) * height
                        choices.append(_Choice.of(fold, cycles, copy, multiplies=multiplies))
                    if share == least:
                        break
        return _undominated(choices)

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
        source, result = (self.network.formats[n] for n in (layer.inputs[0], layer.name))
        if lanes > 1:
            return replace(self.segments(index, 1), columns=Columns(result.shape[2], lanes))
        link = Link.of_one(layer.inputs[0], source, Columns(source.shape[2], 1))
        made = LayerPlan(walked_layer(layer, source), source, result, Fold(1), (link,))
        return made.segments


def _share(lengths: list[int], sequencers: int, *, splittable: bool) -> int:
    """Entries that each sequencer walks if the lists balance as well as they can."""
    if sequencers == 1:
        return sum(lengths)
    if splittable and sequencers >= 2 * len(lengths):
        return -(-max(lengths) // 2)
    if splittable:
        return max(-(-sum(lengths) // sequencers), *lengths)
    return -(-len(lengths) // sequencers) * max(lengths)


def _undominated(choices: list[_Choice]) -> list[_Choice]:
    """Choices that none with the same lanes is better than, and none at all nearly as good as."""
    kept: dict[int, list[_Choice]] = {}
    for choice in sorted(choices, key=lambda c: (c.luts, c.cycles, c.multipliers)):
        same = kept.setdefault(choice.fold.P, [])
        if not any(other.cheaper(choice) for other in same):
            same.append(choice)
    found = [choice for same in kept.values() for choice in same]
    cycles, multipliers, luts = np.array([(c.cycles, c.multipliers, c.luts) for c in found]).T
    hardly_faster = _HARDLY * cycles >= cycles[:, None]
    no_fewer = multipliers >= multipliers[:, None]
    larger = luts >= _BY_FAR * luts[:, None]
    needless = (hardly_faster & no_fewer & larger).any(axis=0)
    return [choice for choice, drop in zip(found, needless, strict=True) if not drop]


def _parts(size: int) -> list[int]:
    """Sizes of equal parts of something, one for each number of parts."""
    return sorted({-(-size // parts) for parts in range(1, size + 1)})
