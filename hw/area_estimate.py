"""Area of a layer's folds: predicted for some, and in proportion to these for all others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from hw.area import coefficients, worth
from hw.area_parts import Parts
from hw.columns import Columns
from hw.families import FAMILIES, Family, Memory
from hw.fold import Fold
from hw.fold_choices import Choice, alone
from hw.layer_plan import LayerPlan
from hw.layers import Conv, Input, Layer
from hw.link import Link
from hw.network import Network
from hw.outputs import Output
from hw.plan_memo import PlanMemo
from hw.resources import used

Amounts = tuple[float, ...]  # of every kind of `hw.resources.KINDS`


@dataclass(frozen=True, eq=False)
class _Known:
    """Folds of a layer that were predicted, as arrays: of K folds, and of what arrives."""

    logs: np.ndarray  # (K, 4), of the numbers of a fold
    lanes: np.ndarray  # (K,)
    amounts: np.ndarray  # (K, kinds)
    rough: np.ndarray  # (K, kinds)


class AreaEstimate:
    """What the folds of one layer take, as a layer alone whose beats have its producer's lanes.

    Some folds are predicted. For the others, rough figures are scaled by what was predicted for the
    fold that is most alike.

    Parameters
    ----------
    network : Network
    layer : Layer
    family : Family
    memo : PlanMemo
    """

    def __init__(self, network: Network, layer: Layer, family: Family, memo: PlanMemo) -> None:
        self.network, self.layer, self.family, self.memo = network, layer, family, memo
        self.known: dict[tuple[Fold, int], Amounts] = {}
        self.entries: dict[tuple[int, int], int] = {}
        self.rough, self.row_words = cache(self._rough), cache(self._row_words)
        self.arrays, self.estimated = cache(self._arrays), cache(self._estimated)
        if not isinstance(layer, Input):
            self.alone = memo(alone(network, layer, Fold(1)))
            self.product, self.scaling = self._cells()

    def see(self, choices: Sequence[Choice]) -> None:
        """Note how long the lists of choices are: so deep are the memories of weights."""
        if isinstance(self.layer, Input):
            return
        height, width = self.network.formats[self.layer.name].shape[1:]
        for choice in choices:
            fold = choice.fold
            self.entries[fold.G, fold.R] = -(-choice.whole // (height * -(-width // fold.P)))

    def know(self, fold: Fold, lanes: int) -> bool:
        """Predict a fold; return whether it was not known before."""
        if isinstance(self.layer, Input) or (fold, lanes) in self.known:
            return False
        self.known[fold, lanes] = self._predict(fold, lanes)
        self.arrays.cache_clear()
        self.estimated.cache_clear()
        return True

    def of(self, fold: Fold, lanes: int) -> Amounts:
        """Say what a fold takes, as predicted or estimated."""
        return self.known.get((fold, lanes)) or self.estimated(fold, lanes)

    def of_all(
        self, folds: Sequence[Fold], lanes: int, hope: Sequence[float] | None = None
    ) -> np.ndarray:
        """Say what folds take: (folds, kinds), of those not predicted a part of it, if hoped."""
        rough = np.array([self.rough(fold) for fold in folds])
        if not self.known:
            return rough
        known = self.arrays()
        logs = np.log([(fold.P, fold.G, fold.R, fold.E) for fold in folds])
        unlike = np.round(np.abs(logs[:, None] - known.logs).sum(axis=2), 9)
        unlike += 1e-12 * np.abs(lanes - known.lanes)  # decides between folds that are as unlike
        like = unlike.argmin(axis=1)
        amounts, base = known.amounts[like], known.rough[like]
        scaled = rough * (amounts / np.where(base > 0, base, 1))
        found = np.where(base > 0, scaled, rough + amounts)
        if hope is not None:
            found[unlike.min(axis=1) > 0] *= hope
        return found

    def _estimated(self, fold: Fold, lanes: int) -> Amounts:
        return tuple(self.of_all([fold], lanes)[0].tolist())

    def _arrays(self) -> _Known:
        folds, lanes = zip(*self.known, strict=True)
        return _Known(
            np.log([(fold.P, fold.G, fold.R, fold.E) for fold in folds]),
            np.array(lanes),
            np.array(list(self.known.values())),
            np.array([self.rough(fold) for fold in folds]),
        )

    def _predict(self, fold: Fold, lanes: int) -> Amounts:
        made = alone(self.network, self.layer, fold)
        columns = Columns(made.source.shape[2], lanes)
        link = Link.of_one(made.inputs[0], made.source, columns)
        return self.predict(self.memo(replace(made, links=(link,))))

    def predict(self, made: LayerPlan) -> Amounts:
        """Predict what the layer alone takes, folded as it is planned."""
        end = Output(made.link, made.in_order)
        parts = Parts(self.family, (made,), (end,))
        parts.layer(made)
        if made.name in self.network.outputs:
            parts.sink(end)
        return self._worth(parts, made.multipliers)

    def _worth(self, parts: Parts, multipliers: int) -> Amounts:
        return tuple(used(worth(parts.counts, self.family.name), multipliers).values())

    def _rough(self, fold: Fold) -> Amounts:
        """Say what a fold takes, roughly; of the input it is what it does take."""
        if isinstance(self.layer, Input):
            first = self.network.layers[1]
            parts = Parts(self.family, (alone(self.network, first, Fold(1)),), ())
            parts.source(self.layer, Columns(self.layer.shape[2], fold.P))
            return self._worth(parts, 0)
        made = self.alone
        bits, sums = made.source.bits, made.sum_bits
        bits += made.conv.weight_bits if made.multipliers else 0  # factors of a product together
        multipliers, sends = self._multipliers(fold), fold.P * fold.E
        flip_flops = fold.multipliers * (bits + 2 * sums) + 5 * sums * sends + 200 * fold.R
        return (
            fold.luts + self.product[1] * multipliers + self.scaling[1] * sends,
            flip_flops,
            self.product[0] * multipliers + self.scaling[0] * sends,
            self._rams(fold),
            multipliers,
        )

    def _multipliers(self, fold: Fold) -> int:
        return fold.multipliers if isinstance(self.layer, Conv) else 0

    def _cells(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Cells and LUTs of a product, and of what scales a sum."""
        made, lut = self.alone, coefficients()[self.family.name]["luts"]["products"]
        found = [(0, 0, 0, False), (0, 0, 0, False)]
        if made.multipliers:
            bits, weight = made.source.bits, made.conv.weight_bits
            found[0] = bits + (not made.source.signed), weight, bits + weight, False
        if made.scales:
            width, biased = made.requantiser[0], max(made.sum_bits, made.bias_bits) + 1
            found[1] = biased, width + 1, biased + width, True
        product, scaling = (self.family.multiply(a, b, w, unsigned=u) for a, b, w, u in found)
        return (product.cells, lut * product.logic), (scaling.cells, lut * scaling.logic)

    def _rams(self, fold: Fold) -> int:
        """Block RAMs of row buffers and weights."""
        made = self.alone
        apart = not made.is_conv or made.conv.groups > 1  # sequencers read channels of their own
        channels = -(-made.channels // fold.R) if apart else made.channels
        depth = made.rows.ring * self.row_words(fold.P) * channels
        name = self.family.name
        found = _block_rams(name, depth, fold.P * made.source.bits, fold.P)
        if made.multipliers:
            depth = self.entries.get((fold.G, fold.R), 0)
            found += _block_rams(name, depth, fold.G * made.conv.weight_bits, 0) if depth else 0
        return fold.R * found

    def _row_words(self, lanes: int) -> int:
        """Words of one channel of a row."""
        made = self.alone
        return replace(made.segments, columns=Columns(made.result.shape[2], lanes)).words


@cache
def _block_rams(family: str, depth: int, width: int, parts: int) -> int:
    return FAMILIES[family].place(Memory(depth, width, parts)).block_rams
