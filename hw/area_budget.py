"""Predicted area as a budget of the search for folds: estimated, then predicted where it counts."""

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from hw.area import coefficients, predict_area, worth
from hw.area_parts import Parts
from hw.columns import Columns
from hw.families import FAMILIES, Memory
from hw.fold import STREAM_LUTS, Fold, Folding
from hw.fold_choices import Choice, alone, undominated
from hw.fold_search import folded, twins
from hw.layer_plan import LayerPlan
from hw.layers import Add, Concat, Conv, Input
from hw.link import Link
from hw.network import Network
from hw.outputs import Output
from hw.plan import plan
from hw.plan_memo import PlanMemo
from hw.resources import KINDS, Resources, used

Amounts = tuple[float, ...]  # of every kind of `KINDS`

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
        self.cells, self.block_rams = cache(self._cells), cache(self._block_rams)
        self.row_words, self.rough = cache(self._row_words), cache(self._rough)
        self.alone = cache(self._alone)
        self.entries: dict[tuple[int, int, int], int] = {}
        self.known: dict[int, dict[tuple[Fold, int], Amounts]] = {index: {} for index in self.twins}
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
            for choice in choices:
                self._see(index, choice)
            few = len(choices) <= _FEW
            found = [self._estimate(index, choice.fold, lanes, few=few) for choice in choices]
            self.amounts[key] = choices, np.array(found)
        return self.amounts[key][1] @ np.array(price.each)

    def _see(self, index: int, choice: Choice) -> None:
        """Note how long a choice's lists are."""
        fold = choice.fold
        if choice.whole:
            height, width = self.network.formats[self.layers[index].name].shape[1:]
            passes = height * -(-width // fold.P)
            self.entries[index, fold.G, fold.R] = -(-choice.whole // passes)

    def stream_cost(self, index: int, price: Prices) -> float:
        """Cost of one more stream of a lane."""
        if not index:
            return 0.0  # the input has one
        _, _, cells, _ = self.cells(index)
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
        new = set()
        for layer, index in zip(self.layers, self.twins, strict=True):
            if isinstance(layer, Input):
                continue
            fold, lanes = folding[layer.name], self._lanes(layer.inputs[0], folding)
            if self._know(index, fold, lanes):
                new.add(index)
        for key in [key for key in self.amounts if key[0] in new]:
            del self.amounts[key]
        return bool(new)

    def _know(self, index: int, fold: Fold, lanes: int) -> bool:
        """Predict a layer's fold, if that was not done before."""
        new = (fold, lanes) not in self.known[index]
        if new:
            self.known[index][fold, lanes] = self._predict(index, fold, lanes)
        return new

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
            self._estimate(
                index,
                folding[layer.name],
                self._lanes(layer.inputs[0], folding) if layer.inputs else 0,
            )
            for layer, index in zip(self.layers, self.twins, strict=True)
        ]
        return tuple(map(sum, zip(*found, strict=True)))

    def _lanes(self, name: str, folding: Folding) -> int:
        """Lanes of the beats that a layer sends."""
        layer = next(layer for layer in self.network.layers if layer.name == name)
        if isinstance(layer, Add | Concat):
            return self._lanes(layer.inputs[0], folding)
        return folding[name].P

    def _predict(self, index: int, fold: Fold, lanes: int) -> Amounts:
        """Predict what a layer alone takes, whose beats have some lanes."""
        made = alone(self.network, self.layers[index], fold)
        columns = Columns(made.source.shape[2], lanes)
        link = Link.of_one(made.inputs[0], made.source, columns)
        made = self.memo(replace(made, links=(link,)))
        end = Output(made.link, made.in_order)
        parts = Parts(self.family, (made,), (end,))
        parts.layer(made)
        if made.name in self.network.outputs:
            parts.sink(end)
        return self._worth(parts, self._multipliers(index, fold))

    def _worth(self, parts: Parts, multipliers: int) -> Amounts:
        """Say what counted parts take."""
        return tuple(used(worth(parts.counts, self.family.name), multipliers).values())

    def _estimate(self, index: int, fold: Fold, lanes: int, *, few: bool = False) -> Amounts:
        """Say what a layer takes: as predicted, or in proportion to that of another fold."""
        known = self.known[index]
        if (fold, lanes) in known:
            return known[fold, lanes]
        rough = self.rough(index, fold)
        if not known:
            return rough
        like = min(known, key=lambda other: _unlike(fold, lanes, *other))
        pairs = zip(rough, self.rough(index, like[0]), known[like], strict=True)
        found = tuple(r * (k / s) if s else r + k for r, s, k in pairs)
        return tuple(a * b for a, b in zip(found, _HOPE, strict=True)) if few else found

    def _rough(self, index: int, fold: Fold) -> Amounts:
        """Say what a layer takes, roughly."""
        layer = self.layers[index]
        if isinstance(layer, Input):
            parts = Parts(self.family, (self.alone(1),), ())
            parts.source(layer, Columns(layer.shape[2], fold.P))
            return self._worth(parts, 0)
        bits, sums, cells, logic = *self._widths(index), *self.cells(index)[2:]
        multipliers, sends = self._multipliers(index, fold), fold.P * fold.E
        first, product = self.cells(index)[:2]
        flip_flops = fold.multipliers * (bits + 2 * sums) + 5 * sums * sends + 200 * fold.R
        return (
            fold.luts + product * multipliers + logic * sends,
            flip_flops,
            first * multipliers + cells * sends,
            self._rams(index, fold),
            multipliers,
        )

    def _multipliers(self, index: int, fold: Fold) -> int:
        return fold.multipliers if isinstance(self.layers[index], Conv) else 0

    def _alone(self, index: int) -> LayerPlan:
        return self.memo(alone(self.network, self.layers[index], Fold(1)))

    def _widths(self, index: int) -> tuple[int, int]:
        """Widths of the factors of a product together, and of a sum."""
        made = self.alone(index)
        return made.source.bits + (made.conv.weight_bits if made.multipliers else 0), made.sum_bits

    def _cells(self, index: int) -> tuple[float, float, float, float]:
        """Cells and LUTs of a product, and of what scales a sum."""
        made, lut = self.alone(index), coefficients()[self.family.name]["luts"]["products"]
        found = []
        if made.multipliers:
            bits, weight = made.source.bits, made.conv.weight_bits
            found.append((bits + (not made.source.signed), weight, bits + weight, False))
        else:
            found.append((0, 0, 0, False))
        if made.scales:
            width, biased = made.requantiser[0], max(made.sum_bits, made.bias_bits) + 1
            found.append((biased, width + 1, biased + width, True))
        else:
            found.append((0, 0, 0, False))
        products = [self.family.multiply(a, b, w, unsigned=u) for a, b, w, u in found]
        (a, b), (c, d) = ((one.cells, lut * one.logic) for one in products)
        return a, b, c, d

    def _rams(self, index: int, fold: Fold) -> int:
        """Block RAMs of row buffers and weights."""
        made = self.alone(index)
        apart = not made.is_conv or made.conv.groups > 1  # sequencers read channels of their own
        channels = -(-made.channels // fold.R) if apart else made.channels
        depth = made.rows.ring * self.row_words(index, fold.P) * channels
        found = self.block_rams(depth, fold.P * made.source.bits, fold.P)
        if made.multipliers:
            depth = self.entries.get((index, fold.G, fold.R), 0)
            found += self.block_rams(depth, fold.G * made.conv.weight_bits, 0) if depth else 0
        return fold.R * found

    def _row_words(self, index: int, lanes: int) -> int:
        """Words of one channel of a row."""
        made = self.alone(index)
        return replace(made.segments, columns=Columns(made.result.shape[2], lanes)).words

    def _block_rams(self, depth: int, width: int, parts: int) -> int:
        return self.family.place(Memory(depth, width, parts)).block_rams


def _unlike(fold: Fold, lanes: int, other: Fold, others: int) -> tuple[float, int]:
    """How much two folds differ, and the lanes of what they take."""
    pairs = zip(vars(fold).values(), vars(other).values(), strict=True)
    return sum(abs(math.log(a / b)) for a, b in pairs), abs(lanes - others)


def _sum(amounts: Amounts, prices: Amounts) -> float:
    return sum(amount * price for amount, price in zip(amounts, prices, strict=True))
