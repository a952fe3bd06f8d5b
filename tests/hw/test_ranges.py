"""The ends of the ranges of what can be built: windows, maps, numbers, accumulators."""

from dataclasses import replace

import numpy as np
import pytest

from hw.layers import AvgPool, Conv, Input, MaxPool
from hw.network import Network
from hw.parts.lanes import sum_shape
from hw.plan import Fold
from tests.hw.drawn import frames_of
from tests.hw.networks import Case, conv, layer_plan
from tests.hw.pipeline import check_rounds, simulate

RNG = np.random.default_rng(1)


def chain(picture: Input, *layers, folds: tuple[Fold, ...]) -> Case:
    names = [layer.name for layer in (picture, *layers)]
    return Case(Network("net", (picture, *layers)), dict(zip(names, folds, strict=True)))


def numbers(bits: int, signed: bool) -> Case:
    form = {"bits": bits, "signed": signed}
    return chain(
        Input("x", (2, 4, 5), **form),
        conv(RNG, "a", "x", (2, 3), **form),
        MaxPool("p", "a", (3, 3), (2, 2), (1, 1, 1, 1)),
        conv(RNG, "b", "p", (3, 2), **form),
        folds=(Fold(2), Fold(3, 2), Fold(2), Fold(2, 1, 2)),
    )


def scales(multipliers: list[int], shifts: list[int], **options) -> Case:
    """Sums of any size, of which some are scaled by the largest and by the smallest factor."""
    layer = conv(RNG, "a", "x", (2, len(shifts)), bits=16, signed=True, **options)
    scale = {"multiplier": np.array(multipliers), "shift": np.array(shifts)}
    bias = np.array([0, (1 << 40) - 1, 1 - (1 << 40)])
    return chain(
        Input("x", (2, 4, 5)), replace(layer, bias=bias, **scale), folds=(Fold(3), Fold(3, 2))
    )


CASES = {
    "16 bits": numbers(16, False),
    "16 bits, signed": numbers(16, True),
    "9 bits, signed": numbers(9, True),
    "2 bits": numbers(2, False),
    "largest and smallest factor": scales([65535, 65535, 1], [40, 1, 40]),
    "only shifts": scales([1, 1, 1], [40, 40, 40]),
    "times nothing": scales([0, 0, 0], [1, 20, 40]),
    "11x11, stride 4": chain(
        Input("x", (2, 13, 14)),
        conv(RNG, "a", "x", (2, 3), (11, 11), stride=(4, 4), padding=(2, 2, 2, 2)),
        folds=(Fold(3), Fold(2, 2)),
    ),
    "11x11, sparse": chain(
        Input("x", (2, 8, 8)),
        conv(RNG, "a", "x", (2, 3), (11, 11), density=0.1),
        folds=(Fold(3), Fold(3, 1, 2)),
    ),
    "224 columns": chain(
        Input("x", (1, 2, 224)),
        conv(RNG, "a", "x", (1, 2), stride=(1, 2)),
        MaxPool("p", "a", (3, 3), (2, 2), (1, 1, 1, 1)),
        folds=(Fold(28), Fold(30, 2), Fold(9)),
    ),
    "512 channels": chain(
        Input("x", (512, 1, 1)),
        conv(RNG, "a", "x", (512, 5), (1, 1), density=0.2),
        conv(RNG, "b", "a", (5, 512), (1, 1), raw=True),
        folds=(Fold(1), Fold(1, 2, 2), Fold(1, 7)),
    ),
    "padding on each side only": chain(
        Input("x", (2, 3, 4)),
        conv(RNG, "a", "x", (2, 3), (5, 4), padding=(4, 0, 0, 3)),
        conv(RNG, "b", "a", (3, 2), (4, 5), padding=(0, 3, 4, 0), stride=(3, 4)),
        conv(RNG, "c", "b", (2, 2), (7, 7), padding=(6, 6, 6, 6), stride=(4, 3)),
        folds=(Fold(3), Fold(3, 2), Fold(1), Fold(3)),
    ),
    "more padding above than cycles before": chain(
        Input("x", (1, 1, 3)),
        conv(RNG, "a", "x", (1, 1), (11, 1), padding=(26, 4, 0, 0), dilation=(3, 1)),
        folds=(Fold(1), Fold(1)),
    ),
    "16 lanes of 28 columns": chain(
        Input("x", (2, 3, 28)),
        conv(RNG, "a", "x", (2, 3)),
        conv(RNG, "b", "a", (3, 2), stride=(1, 2)),
        folds=(Fold(16), Fold(16, 2), Fold(9)),
    ),
    "averages of the largest": chain(
        Input("x", (3, 4, 5), bits=16, signed=True),
        AvgPool("g", "x", (3, 2), (2, 1), 65535, 21, (2, 0, 1, 1), bits=16, signed=True),
        folds=(Fold(5), Fold(4, 1, 2)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_ends_of_the_ranges(name) -> None:
    made = CASES[name]
    x = frames_of(made.network, 5, 1)
    check_rounds(made, [(x, "none", "none"), (x[1:4], "bursty", "random")])


def extremes(layer: Conv, picture: Input) -> tuple[np.ndarray, list[int], list[int]]:
    """Pictures that drive each output to its lowest and its highest sum, and these sums."""
    low, high = picture.stream.low, picture.stream.high
    frames, lowest, highest = [], [], []
    for weight, bias in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True):
        up = np.where(np.array(weight) > 0, high, low)
        frames += [low + high - up, up]
        flat = np.ravel(weight).tolist()
        lowest.append(sum(min(w * low, w * high) for w in flat) + bias)
        highest.append(sum(max(w * low, w * high) for w in flat) + bias)
    return np.array(frames), lowest, highest


WEIGHTS = {"lowest": (-1, -1), "highest": (1, 1), "both": (-1, 1)}


@pytest.mark.parametrize("fold", [Fold(1), Fold(1, 3), Fold(1, 1, 2), Fold(1, 2, 2)], ids=str)
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize(
    ("bits", "signed", "weight_bits"), [(8, False, 8), (8, True, 2), (9, True, 8), (16, True, 5)]
)
def test_accumulators_reach_both_ends(bits, signed, weight_bits, weights, fold) -> None:
    """Sums as large as weights and pixels allow, cut lists included, leave without overflow."""
    low, high = -(1 << (weight_bits - 1)), (1 << (weight_bits - 1)) - 1
    chosen = [low if sign < 0 else high for sign in WEIGHTS[weights]]
    weight = np.random.default_rng(2).choice(chosen, (3, 2, 3, 3))
    layer = Conv("a", "x", weight, np.array([0, 77, -1000]), weight_bits=weight_bits)
    picture = Input("x", (2, 3, 3), bits=bits, signed=signed)
    frames, lowest, highest = extremes(layer, picture)
    made = chain(picture, layer, folds=(Fold(1), fold))
    got = simulate(made.network, made.folding, frames).results
    np.testing.assert_array_equal(got, made.network.compute(frames)["a"])
    assert [got[2 * o, o, 0, 0] for o in range(3)] == got.min(axis=(0, 2, 3)).tolist() == lowest
    assert (
        [got[2 * o + 1, o, 0, 0] for o in range(3)] == got.max(axis=(0, 2, 3)).tolist() == highest
    )


@pytest.mark.parametrize("weight_bits", [2, 8])
def test_accumulator_is_no_wider_than_its_sums(weight_bits) -> None:
    """A register holds the largest sum, and one bit less does not."""
    layer = conv(RNG, channels=(2, 1), weight_bits=weight_bits, raw=True)
    lowest = replace(layer, weight=np.full_like(layer.weight, -(1 << (weight_bits - 1))))
    width = sum_shape(layer_plan(lowest, (2, 4, 4), Fold(1), bits=8)).width
    least = -(18 << (weight_bits - 1)) * 255
    assert -(1 << (width - 1)) <= least < -(1 << (width - 2))
