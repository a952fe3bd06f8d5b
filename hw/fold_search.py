"""Search over the folds of all layers of a network that are within some cycles, at some prices."""

from bisect import bisect_left, insort
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise, product
from typing import Generic

import numpy as np

from hw.columns import Columns, Segments
from hw.cost import predict_interval
from hw.fold import Fold, Folding
from hw.fold_budget import Budget, Price
from hw.fold_choices import MOST_STREAMS, Choice, alone, choices, parts
from hw.layer_plan import LayerPlan
from hw.layers import Add, Concat, Input, Layer
from hw.network import Network
from hw.plan import is_stored_apart, plan
from hw.plan_memo import PlanMemo, structure


@dataclass(frozen=True)
class _Link:
    """What a layer takes from another: lanes of a beat, channels; and who may have more streams."""

    lanes: int
    channels: int
    layer: Layer | None = None


class _Table:
    """Choices of a layer as arrays: cycles, and which have the same lanes and streams."""

    def __init__(self, choices: list[Choice]) -> None:
        self.cycles = np.array([choice.cycles for choice in choices])
        self.kind = np.array([(choice.fold.P << 16) + choice.fold.E for choice in choices])


class Search(Generic[Price]):
    """Search over the folds of a network.

    Whether a layer can be written to in time depends on its lanes and its producer's. In a chain
    the cheapest folds within some cycles are a cheapest path, found layer by layer for every number
    of lanes; where branches meet, each layer in turn takes the cheapest fold that its producers
    allow. Layers of one structure have the same choices.
    """

    def __init__(self, network: Network, budget: Budget[Price], memo: PlanMemo) -> None:
        self.network, self.budget, self.memo = network, budget, memo
        self.layers = folded(network)
        self.twins = twins(network, self.layers)
        self.every = {index: choices(network, self.layers[index]) for index in set(self.twins)}
        self.choices = {
            index: budget.sift(found) if index else found for index, found in self.every.items()
        }
        self.tables = {index: _Table(found) for index, found in self.choices.items()}
        self.candidates = cache(self._candidates)
        self.segments, self.write_cycles = cache(self._segments), cache(self._write_cycles)
        self.walked, self.interval = cache(self._walked), self._interval
        chain = all(b.inputs == (a.name,) for a, b in pairwise(network.layers))
        self.path = self._cheapest_path if chain else self._cheapest_in_turn
        lanes = {i: sorted({c.fold.P for c in found}) for i, found in self.choices.items()}
        written = {
            self.write_cycles(index, producer, consumer)
            for index in self.every
            if index
            for producer, consumer in product(parts(self._width(index)), lanes[index])
        }
        known = (choice.cycles for found in self.choices.values() for choice in found)
        self.intervals = sorted(written.union(known))

    def cheapest(self, cycles: int) -> Folding | None:
        """Cheapest folds that fit, of which none takes more than some cycles; None if none do."""
        price: Price | None = self.budget.price
        while price is not None:
            folding = self.path(cycles, price)
            if folding is None:
                return None
            if self.budget.learn(folding):
                self.candidates.cache_clear()
            elif not self.budget.may_fit(folding):
                price = self.budget.dearer(price, folding)
            elif not self._mend(folding, cycles):
                if self.budget.fits(folding):
                    return folding
                price = self.budget.dearer(price, folding)
        return None

    def shortest(self) -> int | None:
        """Fewest cycles in which some folds fit, at least of those that are known.

        What folds take is estimated before it is known: where they seem to fit, and where they just
        seem not to, they are looked at more closely.
        """
        hopeless, best = -1, None
        while True:
            left = [c for c in self._resolved() if c > hopeless and (best is None or c < best)]
            if not left:
                return best
            start = bisect_left(left, True, key=self._may_be_in)
            cycles = left[min(start, len(left) - 1)]
            if self.cheapest(cycles) is None:
                hopeless = cycles
            else:
                best = cycles

    def _resolved(self) -> list[int]:
        """Intervals that are tried: the longest, and shorter ones that differ enough."""
        found = self.intervals[-1:]
        for cycles in reversed(self.intervals):
            if cycles * self.budget.resolution < found[-1]:
                found.append(cycles)
        return found[::-1]

    def _may_be_in(self, cycles: int) -> bool:
        """Whether folds may fit that take no more than some cycles, as far as it is known."""
        price: Price | None = self.budget.price
        while price is not None:
            folding = self.path(cycles, price)
            if folding is None or self.budget.may_fit(folding):
                return folding is not None
            price = self.budget.dearer(price, folding)
        return False

    def _interval(self, folding: Folding) -> int:
        """Predict the interval of the whole network."""
        return predict_interval(self.network, folding, plan(self.network, folding, self.memo))

    def _mend(self, folding: Folding, cycles: int) -> bool:
        """Put right the choices whose lists, once shared, take more cycles than was estimated."""
        slow = set()
        for place, layer in enumerate(self.layers):
            index, fold = self.twins[place], folding[layer.name]
            if isinstance(layer, Input) or self._unskipped(index, fold) <= cycles:
                continue
            if self.walked(index, fold) <= cycles:
                continue
            slow.add(index)
            width = self.network.formats[layer.name].shape[2]
            rows = self.walked(index, fold) // -(-width // fold.P)
            for number, choice in enumerate(self.every[index]):
                other = choice.fold
                if (other.G, other.R) != (fold.G, fold.R) or other.E > fold.E:
                    continue
                if other.P == fold.P or choice.cycles >= choice.whole:  # others may skip some
                    found = max(choice.cycles, rows * -(-width // other.P))
                    self.every[index][number] = replace(choice, cycles=found)
                    if found not in self.intervals:
                        insort(self.intervals, found)
        for index in slow:
            self.choices[index] = self.budget.sift(self.every[index])
            self.tables[index] = _Table(self.choices[index])
        if slow:
            self.candidates.cache_clear()
        return bool(slow)

    def _unskipped(self, index: int, fold: Fold) -> int:
        """Cycles that a layer's lists take if nothing is skipped, which is soon known."""
        made = self._plan(index, fold)
        return len(made.scheduled(0)) * made.rows.outputs * made.columns.block

    def _walked(self, index: int, fold: Fold) -> int:
        """Cycles that a layer's lists take."""
        return self._plan(index, fold).compute_cycles

    def _plan(self, index: int, fold: Fold) -> LayerPlan:
        """Plan of a layer alone."""
        return self.memo(alone(self.network, self.layers[index], fold))

    def _candidates(
        self, index: int, lanes: int, cycles: int, price: Price
    ) -> list[tuple[float, Fold]]:
        """Of the choices within some cycles, the cheapest for each number of lanes and streams."""
        found, table = self.choices[index], self.tables[index]
        costs = self.budget.costs(index, lanes, found, price)
        costs = np.where(table.cycles <= cycles, costs, np.inf)
        places = np.argsort(costs, kind="stable")
        _, first = np.unique(table.kind[places], return_index=True)
        best = np.sort(places[first])
        return [(float(costs[k]), found[k].fold) for k in best.tolist() if costs[k] < np.inf]

    def _cheapest_path(self, cycles: int, price: Price) -> Folding | None:
        """Folds of a chain that cost least at some prices."""
        best: dict[int, tuple[float, tuple]] = {0: (0, ())}
        stream = 0.0
        for index, twin in enumerate(self.twins):
            after: dict[int, tuple[float, tuple]] = {}
            for producer, (before, path) in best.items():
                for cost, fold in self.candidates(twin, producer, cycles, price):
                    written = index and self.write_cycles(twin, producer, fold.P)
                    streams = self._streams(self.layers[index - 1], written, cycles)
                    if not streams:
                        continue
                    total, chosen = before + cost, path
                    if streams > 1:  # the producer's results leave so many abreast
                        others, made = path
                        total += stream * producer * max(streams - made.E, 0)
                        chosen = others, replace(made, E=max(streams, made.E))
                    if fold.P not in after or total < after[fold.P][0]:
                        after[fold.P] = total, (chosen, fold)
            best, stream = after, self.budget.stream_cost(twin, price)
        if not best:
            return None
        _, path = min(best.values(), key=lambda found: found[0])
        folding = {}
        for layer in reversed(self.layers):
            path, folding[layer.name] = path
        return folding

    def _cheapest_in_turn(self, cycles: int, price: Price) -> Folding | None:
        """Folds that each cost least at some prices."""
        folding: Folding = {}
        links: dict[str, tuple[_Link, ...]] = {}  # by layer, or by concat those of its sources
        twin_of = dict(zip((layer.name for layer in self.layers), self.twins, strict=True))
        for layer in self.network.layers:
            channels = self.network.formats[layer.name].shape[0]
            if isinstance(layer, Add | Concat):
                arriving = tuple(link for name in layer.inputs for link in links[name])
                whole = not isinstance(layer, Concat) or not is_stored_apart(self.network, layer)
                links[layer.name] = (_Link(arriving[0].lanes, channels),) if whole else arriving
                continue
            twin = twin_of[layer.name]
            arriving = links[layer.inputs[0]] if layer.inputs else ()
            fits = []
            lanes = arriving[0].lanes if arriving else 0
            for cost, fold in self.candidates(twin, lanes, cycles, price):
                wider: Folding = {}
                for link in arriving:
                    written = self.write_cycles(twin, link.lanes, fold.P, link.channels)
                    streams = self._streams(link.layer, written, cycles)
                    if not streams:
                        break
                    if link.layer and streams > folding[link.layer.name].E:
                        made = folding[link.layer.name]
                        wider[link.layer.name] = replace(made, E=streams)
                        stream = self.budget.stream_cost(twin_of[link.layer.name], price)
                        cost += stream * link.lanes * (streams - made.E)
                else:
                    fits.append((cost, fold, wider))
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


def folded(network: Network) -> list[Layer]:
    """List the layers that have a fold of their own, the input first."""
    return [layer for layer in network.layers if not isinstance(layer, Add | Concat)]


def twins(network: Network, layers: list[Layer]) -> list[int]:
    """For each of some layers, the place of the first one of its structure."""
    first: dict[Hashable, int] = {}
    keys = (structure(network, layer) for layer in layers)
    return [first.setdefault(key, index) for index, key in enumerate(keys)]
