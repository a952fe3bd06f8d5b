from dataclasses import replace

import numpy as np
import pytest

from hw.layer import LayerEngine
from hw.layers import Conv, MaxPool
from hw.plan import Fold
from tests.hw.beats import from_beats, to_beats
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import crossed_stalls, transfer

RNG = np.random.default_rng(1)


def corner() -> Conv:
    """Nothing survives but the kernels' lower right corner, in a few channels."""
    layer = conv(RNG, channels=(6, 4), density=0.5)
    mask = layer.survivors & (np.arange(9).reshape(3, 3) == 8)
    mask &= ~np.isin(np.arange(6), (0, 3))[:, None, None]
    return replace(layer, weight=layer.weight * mask, mask=mask)


PLANS = {
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
    plan = PLANS[name]
    rng, low, high = np.random.default_rng(2), plan.source.low, plan.source.high
    x = rng.integers(low, high, (3, *plan.source.shape), endpoint=True)
    channels, height, _ = plan.result.shape
    dut = LayerEngine(plan)
    count = 3 * height * channels * plan.columns.block
    out = transfer(dut, to_beats(x, plan.source, plan.producer), count, i_stall, o_stall)
    got = from_beats(out.words, plan.result, plan.columns)
    np.testing.assert_array_equal(got, plan.layer.compute(x, plan.source))
