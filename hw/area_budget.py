"""Predicted area as a budget of the search for folds: estimated, then predicted where it counts."""

import math
from dataclasses import dataclass

import numpy as np

from hw.area import predict_area
from hw.area_estimate import Amounts, AreaEstimate
from hw.families import FAMILIES
from hw.fold import STREAM_LUTS, Fold, Folding
from hw.fold_choices import Choice, undominated
from hw.fold_search import folded, twins
from hw.layer_plan import LayerPlan
from hw.layers import Add, Concat, Layer
from hw.network import Network
from hw.plan import plan
from hw.plan_memo import PlanMemo
from hw.resources import KINDS, Resources, used

# What a part has of every kind: what is not bound is a little dearer the less there is of it.
_TYPICAL = {
    "luts": 80000,
    "flip_flops": 80000,
    "dsp_cells": 150,
    "block_rams": 200,
    "multipliers": 150,
}
_UNBOUND = 0.01
# Of a layer with so few choices none is left out, and of those not predicted it is hoped that they
# take this part of what is estimated, so that most are predicted.
_FEW, _HOPE = 60, (0.7, 0.7, 0.9, 0, 1)
_ROUNDS = 12  # of prices that are tried
_STEP, _DEAREST = 32.0, 1e6  # how much dearer at first, and at most


@dataclass(frozen=True)
class Prices:
    """Prices of every kind, and how they came about.

    Parameters
    ----------
    each : tuple of float
        In the order of `KINDS`.
    step : float
        Factor by which the price of what is lacking rises next.
    over : frozenset of int
        Kinds that were lacking at the prices before.
    rounds : int
        Prices that were tried before.
    """

    each: Amounts
    step: float = _STEP
    over: frozenset[int] = frozenset()
    rounds: int = 0


class AreaBudget:
    """Resources, compared with the predicted area of folds.

    A layer's area is predicted for the folds that a search comes upon, as that of a layer alone
    whose beats have its producer's lanes. For the others, rough figures are scaled by what was
    predicted for the fold of the same layer that is most alike. What the whole takes beyond its
    layers, adds and ends included, is known of the last folding that was predicted as a whole.

    Parameters
    ----------
    network : Network
    resources : Resources
    memo : PlanMemo
    """

    resolution = 1.01

    def __init__(self, network: Network, resources: Resources, memo: PlanMemo) -> None:
        self.network, self.resources, self.memo = network, resources, memo
        self.family = FAMILIES[resources.family]
        self.limits = [resources.limits.get(key, math.inf) for key in KINDS]
        self.price = Prices(
            tuple(
                _UNBOUND / _TYPICAL[key] if most == math.inf else 1 / max(most, 1)
                for key, most in zip(KINDS, self.limits, strict=True)
            )
        )
        self.layers = folded(network)
        self.twins = twins(network, self.layers)
        self.estimates = {
            index: AreaEstimate(network, self.layers[index], self.family, memo)
            for index in set(self.twins)
        }
        self.sources = {layer.name: self._source(layer.name) for layer in network.layers}
        self.amounts: dict[tuple[int, int], tuple[list[Choice], np.ndarray]] = {}
        self.wholes: dict[tuple, Amounts] = {}
        self.beyond: Amounts = (0.0,) * len(KINDS)
        self.smallest = {layer.name: Fold(1) for layer in self.layers}
        self.learn(self.smallest)
        self.fits(self.smallest)

    def sift(self, choices: list[Choice]) -> list[Choice]:
        """Leave out choices that others are no worse than, or nearly, unless there are few."""
        return choices if len(choices) <= _FEW else undominated(choices)

    def costs(self, index: int, lanes: int, choices: list[Choice], price: Prices) -> np.ndarray:
        """Costs of folds of a layer that takes beats of some lanes."""
        key = index, lanes
        if key not in self.amounts or self.amounts[key][0] is not choices:
            estimate, hope = self.estimates[index], _HOPE if len(choices) <= _FEW else None
            estimate.see(choices)
            found = estimate.of_all([choice.fold for choice in choices], lanes, hope)
            self.amounts[key] = choices, found
        return self.amounts[key][1] @ np.array(price.each)

    def stream_cost(self, index: int, price: Prices) -> float:
        """Cost of one more stream of a lane."""
        if not index:
            return 0.0  # the input has one
        cells, _ = self.estimates[index].scaling
        return _sum((STREAM_LUTS, STREAM_LUTS, cells, 0, 0), price.each)

    def may_fit(self, folding: Folding) -> bool:
        """Whether the area of folds, as far as it is known, is within the resources."""
        return not self._over(folding)

    def fits(self, folding: Folding) -> bool:
        """Whether the predicted area is within the resources."""
        whole = self.whole(folding)
        layers = self._layers(folding)
        self.beyond = tuple(a - b for a, b in zip(whole, layers, strict=True))
        return not self._over(folding)

    def whole(self, folding: Folding) -> Amounts:
        """Predict what a folding takes as a whole."""
        key = tuple(sorted((name, *vars(fold).values()) for name, fold in folding.items()))
        if key not in self.wholes:
            plans = plan(self.network, folding, self.memo)
            area = predict_area(self.network, folding, self.family.name, plans)
            multipliers = sum(p.multipliers for p in plans if isinstance(p, LayerPlan))
            self.wholes[key] = tuple(used(area, multipliers).values())
        return self.wholes[key]

    def learn(self, folding: Folding) -> bool:
        """Predict the area of each layer's fold; return whether any was not known before."""
        new = {
            index
            for layer, index in zip(self.layers, self.twins, strict=True)
            if self.estimates[index].know(folding[layer.name], self._lanes(layer, folding))
        }
        for key in [key for key in self.amounts if key[0] in new]:
            del self.amounts[key]
        return bool(new)

    def dearer(self, price: Prices, folding: Folding) -> Prices | None:
        """Raise the prices of what is lacking: by less each time that it is something else."""
        over = self._over(folding)
        step = price.step if over == price.over or not price.over else math.sqrt(price.step)
        each = tuple(p * (step if k in over else 1) for k, p in enumerate(price.each))
        if price.rounds == _ROUNDS or any(each[k] > _DEAREST * self.price.each[k] for k in over):
            return None
        return Prices(each, step, over, price.rounds + 1)

    def _over(self, folding: Folding) -> frozenset[int]:
        """Kinds of which folds take too many."""
        taken = zip(self._layers(folding), self.beyond, self.limits, strict=True)
        return frozenset(k for k, (own, beyond, most) in enumerate(taken) if own + beyond > most)

    def _layers(self, folding: Folding) -> Amounts:
        """Sum up what the layers of a folding take, each alone."""
        found = [
            self.estimates[index].of(folding[layer.name], self._lanes(layer, folding))
            for layer, index in zip(self.layers, self.twins, strict=True)
        ]
        return tuple(map(sum, zip(*found, strict=True)))

    def _lanes(self, layer: Layer, folding: Folding) -> int:
        """Lanes of the beats that a layer takes."""
        return folding[self.sources[layer.inputs[0]]].P if layer.inputs else 0

    def _source(self, name: str) -> str:
        """Name of the layer that has a fold, and so says how many lanes a layer sends."""
        layer = next(layer for layer in self.network.layers if layer.name == name)
        return self._source(layer.inputs[0]) if isinstance(layer, Add | Concat) else name


def _sum(amounts: Amounts, prices: Amounts) -> float:
    return sum(amount * price for amount, price in zip(amounts, prices, strict=True))
