from dataclasses import replace

import numpy as np
import pytest

from hw.layers import Conv, MaxPool
from hw.plan import Fold
from tests.hw.engines import behind_concat, check
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import crossed_stalls

RNG = np.random.default_rng(1)


def corner() -> Conv:
    """Nothing survives but the kernels' lower right corner, in a few channels."""
    layer = conv(RNG, channels=(6, 4), density=0.5)
    mask = layer.survivors & (np.arange(9).reshape(3, 3) == 8)
    mask &= ~np.isin(np.arange(6), (0, 3))[:, None, None]
    return replace(layer, weight=layer.weight * mask, mask=mask)


PLANS = {
    "two abreast": layer_plan(conv(RNG, channels=(2, 5)), (2, 4, 7), Fold(3, 4, 1, 2), 2),
    "three streams of four": layer_plan(
        conv(RNG, channels=(2, 7), kernel=(1, 1), density=0.7), (2, 4, 7), Fold(3, 1, 4, 3), 2
    ),
    "cut, two abreast": layer_plan(
        conv(RNG, channels=(3, 6), density=0.6), (3, 4, 6), Fold(2, 2, 2, 2), 3
    ),
    "pooling, two streams": layer_plan(MaxPool("p", "x"), (5, 4, 6), Fold(2, 1, 3, 2), 1),
    "behind a concat": behind_concat(
        layer_plan(conv(RNG, channels=(5, 4), density=0.5), (5, 4, 6), Fold(2, 2, 2)),
        ((0, 1),),
        ((2, 1, 0),),
    ),
    "behind a concat of streams": behind_concat(
        layer_plan(conv(RNG, channels=(7, 3)), (7, 4, 6), Fold(3, 1, 2, 2)),
        ((0, -1), (2, 1)),
        ((0,),),
        ((2, 1), (-1, 0)),
    ),
    "pooling behind a concat": behind_concat(
        layer_plan(MaxPool("p", "x"), (4, 4, 6), Fold(3), signed=True), ((0,),), ((2, 1, 0),)
    ),
    "sparse": layer_plan(conv(RNG, channels=(2, 5), density=0.4), (2, 4, 7), Fold(3, 2), 2),
    "stride 2": layer_plan(
        conv(RNG, channels=(2, 3), stride=(2, 2), signed=True),
        (2, 5, 6),
        Fold(3, 1),
        6,
        signed=True,
    ),
    "two": layer_plan(conv(RNG, channels=(3, 4), density=0.5), (3, 4, 7), Fold(3, 1, 2), 2),
    "cut": layer_plan(
        conv(RNG, channels=(3, 5), density=0.6, signed=True), (3, 4, 6), Fold(2, 1, 3), 3
    ),
    "cut groups": layer_plan(conv(RNG, channels=(2, 6)), (2, 4, 5), Fold(5, 2, 2), 1, signed=True),
    "depthwise on three": layer_plan(
        conv(RNG, channels=(5, 5), groups=5), (5, 4, 5), Fold(2, 1, 3), 5
    ),
    "1x1 stride 2": layer_plan(
        conv(RNG, channels=(3, 4), kernel=(1, 1), stride=(2, 2)), (3, 5, 7), Fold(2, 2, 2), 3
    ),
    "unread channels, rows and columns": layer_plan(corner(), (6, 5, 6), Fold(3, 1, 2), 2),
    "pooling of two": layer_plan(
        MaxPool("p", "x", (3, 2), (2, 1), (1, 1, 0, 1)), (3, 4, 5), Fold(2, 1, 2), 3, signed=True
    ),
    "pooling": layer_plan(
        MaxPool("p", "x", (3, 2), (2, 1), (1, 1, 0, 1)), (3, 4, 5), Fold(2), 3, signed=True
    ),
}


@crossed_stalls
@pytest.mark.parametrize("name", PLANS)
def test_beats_of_a_layer_are_its_exact_result(name, i_stall, o_stall) -> None:
    check(PLANS[name], i_stall, o_stall)
