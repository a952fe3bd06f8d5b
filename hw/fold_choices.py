"""Folds of one layer: what they cost, and how many cycles they take."""

from dataclasses import dataclass

import numpy as np

from hw.fold import Fold
from hw.layers import Conv, Input, Layer
from hw.network import Network
from hw.taps import list_lengths, walked_layer

MOST_SEQUENCERS = 16
MOST_STREAMS = 4
STREAM_LUTS = 350  # of a lane's requantiser and writer
_BITS_PER_LUT = 45  # of block RAM, in the parts of one family
# A fold that is hardly faster than another on as many multipliers, but larger by far, is not taken.
_HARDLY, _BY_FAR = 1.03, 1.25


@dataclass(frozen=True)
class Choice:
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
    def of(fold: Fold, cycles: int, copy_bits: int, *, multiplies: bool) -> "Choice":
        """Choose a fold of a layer whose row buffer has some bits."""
        lanes, group, sequencers = fold.P, fold.G, fold.R
        luts = 43 * fold.multipliers + STREAM_LUTS * lanes * fold.E + sequencers * (180 + group**2)
        luts += sequencers * (33 * lanes * (sequencers > 1) + copy_bits // _BITS_PER_LUT)
        return Choice(fold, cycles, fold.multipliers if multiplies else 0, luts)

    def cheaper(self, other: "Choice") -> bool:
        """Whether this one is no worse than another in anything."""
        return (
            self.cycles <= other.cycles
            and self.multipliers <= other.multipliers
            and self.luts <= other.luts
        )


def choices(network: Network, layer: Layer) -> list[Choice]:
    """Folds of a layer that leave no lane and no place in a group idle throughout."""
    channels, height, width = network.formats[layer.name].shape
    if isinstance(layer, Input):
        return [Choice.of(Fold(n), 0, 0, multiplies=False) for n in parts(width)]
    source = network.formats[layer.inputs[0]]
    multiplies = isinstance(layer, Conv)
    walked = walked_layer(layer, source)
    inputs, _, columns = source.shape
    rows = walked.kernel[0] + 2 * walked.stride[0]  # about those of the ring
    bits = rows * columns * inputs * source.bits
    reads_all = isinstance(walked, Conv) and walked.groups == 1
    found = []
    for group in parts(channels) if multiplies else [1]:
        lengths = [n for n in list_lengths(walked, inputs, group) if n] or [1]
        most = min(len(lengths) * (1 + multiplies), channels, MOST_SEQUENCERS)
        for sequencers in range(1, most + 1):
            copy = bits // (1 if reads_all else sequencers)
            least = _share(lengths, sequencers, splittable=multiplies)
            for streams in range(1, min(MOST_STREAMS, channels) + 1):
                held = [max(n, -(-group // streams)) for n in lengths]
                share = _share(held, sequencers, splittable=multiplies)
                share = max(share, -(-channels // streams))
                for lanes in parts(width):
                    fold = Fold(lanes, group, sequencers, streams)
                    cycles = share * -(-width // lanes) * height
                    found.append(Choice.of(fold, cycles, copy, multiplies=multiplies))
                if share == least:
                    break
    return found


def _share(lengths: list[int], sequencers: int, *, splittable: bool) -> int:
    """Entries that each sequencer walks if the lists balance as well as they can."""
    if sequencers == 1:
        return sum(lengths)
    if splittable:
        return max(-(-sum(lengths) // sequencers), -(-max(lengths) // 2))
    return -(-len(lengths) // sequencers) * max(lengths)


def undominated(choices: list[Choice]) -> list[Choice]:
    """Choices that none with the same lanes is better than, and none at all nearly as good as."""
    kept: dict[int, list[Choice]] = {}
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


def parts(size: int) -> list[int]:
    """Sizes of equal parts of something, one for each number of parts."""
    return sorted({-(-size // parts) for parts in range(1, size + 1)})
