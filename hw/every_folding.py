"""Every folding of a network that has few: area and cycles of all, then the best ones in turn."""

import math
from dataclasses import replace
from functools import cached_property

import numpy as np

from hw.area_budget import AreaBudget
from hw.columns import Columns
from hw.fold import Fold, Folding
from hw.fold_choices import MOST_STREAMS, alone
from hw.fold_search import Search
from hw.layer_plan import LayerPlan
from hw.layers import Input, Layer
from hw.link import Link

# So many foldings are looked at at most, by predicting so many pairs of a layer's fold and what
# arrives; and so many foldings are predicted as a whole.
_MOST, _PAIRS, _TRIED = 1 << 16, 800, 100
# What a layer takes at least of what it takes alone if a beat brings it one pixel.
_HOPE = np.array([0.8, 0.8, 1, 0, 1])


class EveryFolding:
    """Every folding of a network that may take fewer than some cycles.

    Foldings lie on a grid: an axis is a layer, a place on it one of its folds. A layer's area and
    cycles depend on its fold, and on the beats that arrive. What the whole takes
    beyond its layers is learnt from foldings that are predicted, for others whose layers send
    alike; elsewhere it is hoped to be the least that was learnt.

    Parameters
    ----------
    search : Search
    budget : AreaBudget
        That of the search.
    interval : int, optional
        Only foldings that take fewer cycles a frame are of interest.
    """

    def __init__(self, search: Search, budget: AreaBudget, interval: int | None) -> None:
        self.search, self.budget, self.network = search, budget, search.network
        self.interval = math.inf if interval is None else interval
        self.layers = search.layers
        self.estimates = [budget.estimates[twin] for twin in search.twins]
        self.folds = [self._folds(*pair) for pair in zip(self.layers, search.twins, strict=True)]
        if all(self.folds) and sum(map(len, self.folds)) <= _PAIRS:
            self.folds = self._small_enough()
        self.shape = tuple(map(len, self.folds))
        place = {layer.name: axis for axis, layer in enumerate(self.layers)}
        self.sources = [
            place[budget.sources[layer.inputs[0]]] if layer.inputs else 0 for layer in self.layers
        ]

    @cached_property
    def sends(self) -> list[tuple[list[Fold], np.ndarray]]:
        """Of each layer, folds that differ in what it sends, and for each fold which it is like."""
        return [self._sends(*pair) for pair in zip(self.layers, self.folds, strict=True)]

    @property
    def few(self) -> bool:
        """Whether there are few enough to look at all of them."""
        if math.prod(self.shape) > _MOST or sum(self.shape) > _PAIRS:
            return False
        arriving = (len(self.sends[source][0]) for source in self.sources)
        pairs = sum(kinds * many for kinds, many in zip(arriving, self.shape, strict=True))
        return pairs <= _PAIRS

    def fastest(self) -> Folding | None:
        """Find the fastest folding within the budget; None if none is."""
        best, shortest = None, self.interval
        if not math.prod(self.shape):
            return best
        limits, price = np.array(self.budget.limits), np.array(self.budget.price.each)
        areas, cycles = self._sums()
        kinds = self._kinds()
        beyond = np.full((int(kinds.max()) + 1, len(limits)), np.nan)
        left = np.ones(len(cycles), bool)
        number = int((areas @ price).argmin())
        for _ in range(_TRIED):
            left[number] = False
            folding = self._folding(number)
            whole = np.array(self.budget.whole(folding))
            beyond[kinds[number]] = whole - areas[number]
            if (whole <= limits).all():
                interval = self.search.interval(folding)
                if interval < shortest:
                    best, shortest = folding, interval
            hoped = np.where(np.isnan(beyond), np.nanmin(beyond, axis=0), beyond)
            taken = areas + hoped[kinds]
            open_ = left & (cycles < shortest) & (taken <= limits).all(axis=1)
            if not open_.any():
                break
            cheapest_of_fastest = np.lexsort((taken @ price, np.where(open_, cycles, math.inf)))
            number = int(cheapest_of_fastest[0])
        return best

    def _folding(self, number: int) -> Folding:
        places = np.unravel_index(number, self.shape)
        return {
            layer.name: folds[int(place)]
            for layer, folds, place in zip(self.layers, self.folds, places, strict=True)
        }

    def _folds(self, layer: Layer, twin: int) -> list[Fold]:
        """Folds of a layer that may be fast enough, with any number of streams."""
        most = min(MOST_STREAMS, self.network.formats[layer.name].shape[0])
        streams = range(1, 2 if isinstance(layer, Input) else most + 1)
        folds = (c.fold for c in self.search.every[twin] if c.cycles < self.interval)
        return list(dict.fromkeys(replace(fold, E=e) for fold in folds for e in streams))

    def _small_enough(self) -> list[list[Fold]]:
        """Leave out folds that do not fit, however small the other layers are."""
        owns = []
        for estimate, folds in zip(self.estimates, self.folds, strict=True):
            for fold in folds:
                estimate.know(fold, 1)
            found = [estimate.of(fold, 1) for fold in folds]
            owns.append(_HOPE * np.array(found).reshape(len(folds), len(_HOPE)))
        least = [own.min(axis=0, initial=math.inf) for own in owns]
        rest = np.array(self.budget.limits) - sum(least)
        return [
            [fold for fold, own in zip(folds, mine, strict=True) if (own - low <= rest).all()]
            for folds, mine, low in zip(self.folds, owns, least, strict=True)
        ]

    def _sends(self, layer: Layer, folds: list[Fold]) -> tuple[list[Fold], np.ndarray]:
        """Folds that differ in what a layer sends, and for each fold which of them it is like."""
        keys = [(fold.P, self._streams(layer, fold)) for fold in folds]
        order = list(dict.fromkeys(keys))
        first = [folds[keys.index(key)] for key in order]
        return first, np.array([order.index(key) for key in keys], int)

    def _streams(self, layer: Layer, fold: Fold) -> tuple[frozenset[int], ...]:
        """Channels that a layer sends abreast; none if it sends them one by one."""
        if isinstance(layer, Input) or fold.E == 1:
            return ()
        made = self.search.memo(alone(self.network, layer, fold))
        return tuple(map(frozenset, made.link.streams))

    def _kinds(self) -> np.ndarray:
        """Give all foldings whose layers send alike one number: (foldings,)."""
        found = np.zeros(self.shape, np.int64)
        for axis, (first, kind) in enumerate(self.sends):
            found = found * len(first) + self._along(kind, axis)
        return found.ravel()

    def _sums(self) -> tuple[np.ndarray, np.ndarray]:
        """Area of all layers (foldings, resources), and cycles of the slowest one (foldings,)."""
        cycles = np.zeros(self.shape)
        areas = np.zeros((len(self.budget.limits), *self.shape))
        for axis, source in enumerate(self.sources):
            taken, longest = self._of_layer(axis, source)
            for area, own in zip(areas, taken, strict=True):
                area += self._along(own, source, axis)
            np.maximum(cycles, self._along(longest, source, axis), out=cycles)
        return areas.reshape(len(areas), -1).T, cycles.ravel()

    def _of_layer(self, axis: int, source: int) -> tuple[np.ndarray, np.ndarray]:
        """Area of a layer (resources, source's folds, folds), and its cycles, as this."""
        layer, folds, (first, kind) = self.layers[axis], self.folds[axis], self.sends[source]
        estimate = self.estimates[axis]
        if isinstance(layer, Input):
            taken = np.array([estimate.of(fold, 0) for fold in folds]).T
            return taken, np.zeros(len(folds))
        taken, longest = [], []
        for arriving in first:
            link = self._link(layer, self.layers[source], arriving)
            plans = [self._plan(layer, fold, link) for fold in folds]
            taken.append([estimate.predict(made) for made in plans])
            writes = [max(store.write_cycles for store in made.stores) for made in plans]
            longest.append(np.maximum([made.compute_cycles for made in plans], writes))
        return np.moveaxis(np.array(taken)[kind], 2, 0), np.array(longest)[kind]

    def _plan(self, layer: Layer, fold: Fold, link: Link) -> LayerPlan:
        made = alone(self.network, layer, fold)
        return self.search.memo(replace(made, links=(link,)))

    def _link(self, layer: Layer, source: Layer, fold: Fold) -> Link:
        """Beats that a layer takes if the layer that makes them is folded so."""
        name = layer.inputs[0]
        form = self.network.formats[name]
        columns = Columns(form.shape[2], fold.P)
        if isinstance(source, Input) or fold.E == 1 or form.shape != self._form(source):
            return Link.of_one(name, form, columns)
        made = self.search.memo(alone(self.network, source, fold)).link
        return replace(made, name=name, activation=form, columns=columns)

    def _form(self, layer: Layer) -> tuple[int, ...]:
        return self.network.formats[layer.name].shape

    def _along(self, values: np.ndarray, *axes: int) -> np.ndarray:
        """Lay values out along one axis of the grid, or along two that ascend."""
        shape = [1] * len(self.shape)
        for axis, size in zip(dict.fromkeys(axes), values.shape, strict=True):
            shape[axis] = size
        return values.reshape(shape)
