"""Folds of one layer: what they cost, and how many cycles they take."""

from dataclasses import dataclass

import numpy as np

from hw.columns import Columns
from hw.fold import Fold
from hw.layer_plan import LayerPlan
from hw.layers import AvgPool, Conv, Input, Layer
from hw.link import Link
from hw.list_lengths import ListLengths
from hw.network import Network
from hw.taps import walked_layer

MOST_SEQUENCERS = 16
MOST_STREAMS = 4
_BITS_PER_LUT = 45  # of block RAM, in the parts of one family
# A fold that is hardly faster than another on as many multipliers, but larger by far, is not taken.
_HARDLY, _BY_FAR = 1.03, 1.25


@dataclass(frozen=True)
class Choice:
    """A fold of a layer, the cycles its lists take for one picture, and what it costs.

    `cycles` are about the fewest that it may take, `whole` if no taps outside the picture are
    skipped; how well lists are shared, and what is skipped, is known when it is planned.

    `luts` is a rough count of LUT4-equivalents, enough to compare folds: `Fold.luts`, and a share
    of the block RAM that a sequencer's copy of the row buffer takes.
    """

    fold: Fold
    cycles: int
    whole: int
    multipliers: int
    luts: int

    @staticmethod
    def of(fold: Fold, cycles: int, whole: int, copy_bits: int, *, multiplies: bool) -> "Choice":
        """Choose a fold of a layer whose row buffer has some bits."""
        luts = fold.luts + fold.R * (copy_bits // _BITS_PER_LUT)
        return Choice(fold, cycles, whole, fold.multipliers if multiplies else 0, luts)


def alone(network: Network, layer: Layer, fold: Fold) -> LayerPlan:
    """Plan of a layer that takes all its channels in one stream of one lane."""
    source, result = (network.formats[name] for name in (layer.inputs[0], layer.name))
    link = Link.of_one(layer.inputs[0], source, Columns(source.shape[2], 1))
    walked, weighted = walked_layer(layer, source), not isinstance(layer, AvgPool)
    return LayerPlan(walked, source, result, fold, (link,), weighted=weighted)


def choices(network: Network, layer: Layer) -> list[Choice]:
    """Folds of a layer that leave no lane and no place in a group idle throughout."""
    channels, _, width = network.formats[layer.name].shape
    if isinstance(layer, Input):
        return [Choice.of(Fold(n), 0, 0, 0, multiplies=False) for n in parts(width)]
    source = network.formats[layer.inputs[0]]
    multiplies = isinstance(layer, Conv)
    window = walked_layer(layer, source)
    inputs, _, columns = source.shape
    rows = window.kernel[0] + 2 * window.stride[0]  # about those of the ring
    bits = rows * columns * inputs * source.bits
    reads_all = isinstance(window, Conv) and window.groups == 1
    found = []
    for group in parts(channels) if multiplies else [1]:
        lists = ListLengths.of(alone(network, layer, Fold(1, group)))
        most = min(len(lists.whole) * (1 + multiplies), channels, MOST_SEQUENCERS)
        for sequencers in range(1, most + 1):
            copy = bits // (1 if reads_all else sequencers)
            least, _ = lists.fewest(sequencers, channels)
            for streams in range(1, min(MOST_STREAMS, channels) + 1):
                walked, inside = lists.fewest(sequencers, streams)
                for lanes in parts(width):
                    fold, blocks = Fold(lanes, group, sequencers, streams), -(-width // lanes)
                    cycles = (inside if lists.may_skip(fold) else walked) * blocks
                    choice = Choice.of(fold, cycles, walked * blocks, copy, multiplies=multiplies)
                    found.append(choice)
                if walked == least:
                    break
    return found


def undominated(choices: list[Choice]) -> list[Choice]:
    """Choices that none with the same lanes is better than, and none at all nearly as good as."""
    found = []
    for lanes in sorted({choice.fold.P for choice in choices}):
        same = [choice for choice in choices if lanes == choice.fold.P]
        same.sort(key=lambda c: (c.luts, c.cycles, c.multipliers))
        cycles, multipliers = np.array([(c.cycles, c.multipliers) for c in same]).T
        no_worse = (cycles[:, None] <= cycles) & (multipliers[:, None] <= multipliers)
        worse = np.triu(no_worse, 1).any(axis=0)  # than one that is no larger
        found += [choice for choice, drop in zip(same, worse, strict=True) if not drop]
    costs = [(c.cycles, c.whole, c.multipliers, c.luts) for c in found]
    cycles, whole, multipliers, luts = np.array(costs).T
    hardly_faster = (_HARDLY * cycles >= cycles[:, None]) & (_HARDLY * whole >= whole[:, None])
    no_fewer = multipliers >= multipliers[:, None]
    larger = luts >= _BY_FAR * luts[:, None]
    needless = (hardly_faster & no_fewer & larger).any(axis=0)
    return [choice for choice, drop in zip(found, needless, strict=True) if not drop]


def parts(size: int) -> list[int]:
    """Sizes of equal parts of something, one for each number of parts."""
    return sorted({-(-size // parts) for parts in range(1, size + 1)})
