from itertools import product

import numpy as np
import pytest

from hw.accelerator import Accelerator
from hw.cost import predict
from hw.layers import Input, MaxPool
from hw.network import Network
from hw.plan import Fold
from tests.hw.networks import NO_PADDING, Case, conv, pictures
from tests.hw.pipeline import after_a_reset, input_words, simulate
from tests.hw.streams import Transfers, collector, crossed_stalls, driver, never, run


def small() -> Case:
    """A map that shrinks to a vector: every kind of layer, every way to split and merge beats."""
    rng = np.random.default_rng(5)
    layers = (
        Input("x", (2, 6, 7), bits=5, offset=(3, 17)),
        conv(rng, "a", "x", (2, 5), stride=(1, 1), density=0.6),
        MaxPool("p", "a", (2, 2), (2, 2), (0, 0, 1, 0)),
        conv(rng, "b", "p", (5, 4), stride=(2, 1), density=0.4, by_kernel=True, signed=True),
        conv(rng, "c", "b", (4, 3), (2, 4), padding=NO_PADDING, raw=True),
    )
    folding = {
        "x": Fold(3),
        "a": Fold(4, 2, 2),
        "p": Fold(3, 1, 2),
        "b": Fold(2, 3),
        "c": Fold(1, 1, 3),
    }
    return Case(Network("small", layers), folding)


def map_output() -> Case:
    rng = np.random.default_rng(6)
    layers = Input("x", (3, 5, 6)), conv(rng, "a", "x", (3, 4), density=0.5, signed=True, bits=6)
    return Case(Network("maps", layers), {"x": Fold(1), "a": Fold(4, 1, 3)})


@crossed_stalls
@pytest.mark.parametrize("make", [small, map_output])
def test_stalls_change_no_result(make, i_stall, o_stall) -> None:
    case = make()
    frames = pictures(case.network, 3)
    got = simulate(case.network, case.folding, frames, i_stall, o_stall)
    (expected,) = case.network.compute(frames).values()
    np.testing.assert_array_equal(got.results, expected)


def test_two_layers_of_equal_row_time_have_the_interval_of_one() -> None:
    rng = np.random.default_rng(7)
    layers = Input("x", (4, 6, 8)), conv(rng, "a", "x", (4, 4)), conv(rng, "b", "a", (4, 4))
    network, fold = Network("pair", layers), Fold(4, 2)
    alone = network.alone("b")
    one = simulate(alone, {"a": Fold(4), "b": fold}, pictures(alone, 4))
    both = simulate(network, {"x": Fold(4), "a": fold, "b": fold}, pictures(network, 5))
    inside = 4 * 3 + 2 * 2  # of 6 times three rows of the kernel
    cycles = 4 * 4 * 3 * inside * 8 // (4 * 2)
    assert one.intervals[-2:] == both.intervals[-2:] == [cycles] * 2


@pytest.mark.parametrize(
    ("options", "fold"),
    [
        ({}, Fold(4, 2)),
        ({"stride": (2, 2)}, Fold(2, 4)),
        ({"kernel": (5, 5)}, Fold(8, 2)),
        ({"kernel": (1, 1), "channels": (16, 4)}, Fold(4, 1)),
        ({"kernel": (1, 1), "channels": (4, 8)}, Fold(4, 4)),
        ({"density": 0.4, "by_kernel": True}, Fold(4, 1)),
        ({"density": 0.5, "by_kernel": True}, Fold(8, 1)),
        ({}, Fold(4, 1, 3)),
        ({"channels": (4, 8)}, Fold(2, 2, 4)),
        ({"channels": (4, 8), "groups": 4}, Fold(4, 1, 4)),
        ({"kernel": (1, 1), "stride": (2, 2), "channels": (4, 16)}, Fold(4, 1, 2)),
    ],
    ids=[
        "3x3",
        "3x3 stride 2",
        "5x5",
        "1x1",
        "short lists",
        "0.4 of the kernels",
        "half the kernels",
        "cut lists",
        "groups of four sequencers",
        "depthwise",
        "1x1 stride 2",
    ],
)
def test_every_multiplier_works_in_every_cycle(options, fold) -> None:
    """No tap is lost to a bubble, be it between frames, rows, lists or blocks of columns."""
    _, width = options.get("kernel", (3, 3))
    sides = {"padding": (0, 0, width // 2, width // 2)}
    layer = conv(np.random.default_rng(8), **{"channels": (4, 4), **sides, **options})
    network = Network(
        "alone", (Input("x", (layer.weight.shape[1] * layer.groups, 6, 8), bits=4), layer)
    )
    folding = {"x": Fold(fold.P), "conv": fold}
    frames = pictures(network, 3)
    got = simulate(network, folding, frames)
    (expected,) = network.compute(frames).values()
    np.testing.assert_array_equal(got.results, expected)
    assert got.intervals[-1] * fold.multipliers == network.macs
    assert predict(network, folding).layers[0].utilisation == 1.0


def test_output_without_a_tap_is_its_bias() -> None:
    rng = np.random.default_rng(9)
    layer = conv(rng, channels=(2, 4), raw=True)
    mask = layer.survivors & (np.arange(4) != 1)[:, None, None, None]
    empty = conv(rng, channels=(2, 4), density=0, raw=True)
    one = type(layer)(
        "conv", "x", layer.weight * mask, layer.bias, mask=mask, padding=layer.padding
    )
    folds = ((1, 1), (2, 1), (1, 2), (2, 2), (1, 3))
    for which, (group, sequencers) in product((one, empty), folds):
        network = Network("holes", (Input("x", (2, 4, 4)), which))
        frames = pictures(network, 3)
        got = simulate(network, {"x": Fold(2), "conv": Fold(2, group, sequencers)}, frames)
        np.testing.assert_array_equal(got.results, network.compute(frames)["conv"])
        assert (got.results[:, 1] == which.bias[1]).all()


@pytest.mark.parametrize("cycle", np.random.default_rng(3).integers(1, 800, 20).tolist())
def test_frame_after_a_reset_is_right(cycle: int) -> None:
    made = small()
    frames = pictures(made.network, 1)
    expected = made.network.compute(frames)["c"]
    np.testing.assert_array_equal(after_a_reset(made, frames, cycle), expected)


def test_misframed_input_is_noticed_and_stays_noticed() -> None:
    case = map_output()
    words = input_words(case.network, pictures(case.network, 2))
    last = max(words).bit_length() - 1
    words[3] |= 1 << last
    dut, out = Accelerator(case.network, case.folding), Transfers()
    count = 2 * 30
    collect = collector(dut.results(dut.outputs[0]), count, never(), 20_000, out)
    seen = []

    async def judge(ctx):
        await collect(ctx)
        seen.append(ctx.get(dut.misframed))

    run(dut, driver(dut.s_axis, words, never(), 20_000), judge)
    assert seen == [1]
