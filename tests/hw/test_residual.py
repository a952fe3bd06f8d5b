"""Whole pipelines with branches."""

from itertools import pairwise

import numpy as np
import pytest

from hw.cost import predict
from hw.fold import UnsupportedLayer
from hw.folding import fold_to_interval, fold_to_multipliers
from hw.layers import Add, AvgPool, Conv, Input
from hw.network import Network
from hw.plan import Fold, plan
from tests.hw.networks import NO_PADDING, Case, conv, pictures
from tests.hw.pipeline import after_a_reset, check_cycles, check_stalls, simulate
from tests.hw.residual import BLOCKS, Builder, case


def of_two(*kinds: str, seed: int) -> Case:
    """Blocks drawn by a seed behind a layer, then a classifier."""
    rng = np.random.default_rng(seed)

    def number(low: int, high: int) -> int:
        return int(rng.integers(low, high, endpoint=True))

    return case(number, kinds, (2, 5, 6), linear=True)


@pytest.mark.parametrize("kind", BLOCKS)
def test_every_kind_of_block(kind) -> None:
    made = of_two(kind, "identity", seed=len(kind))
    check_cycles(made, 6)
    check_stalls(made, "bursty", "bursty", 2)


def block(shortcut: str) -> Network:
    """A block of layers that take equally long, and its shortcut."""
    rng = np.random.default_rng(7)
    stride = (1, 1) if shortcut == "identity" else (2, 2)
    outputs = 4 if shortcut == "identity" else 8
    layers = [
        Input("x", (4, 8, 8)),
        conv(rng, "a", "x", (4, 4)),
        conv(rng, "b", "a", (4, outputs), stride=stride),
        conv(rng, "c", "b", (outputs, outputs)),
    ]
    if shortcut == "convolution":
        layers.append(conv(rng, "d", "a", (4, 8), (1, 1), stride=stride, padding=NO_PADDING))
        layers.append(Add("s", ("c", "d"), (3, 5), 3))
    elif shortcut == "option A":
        taken = (-1, -1, 0, 1, 2, 3, -1, -1)
        layers.append(Add("s", ("c", "a"), (3, 5), 3, stride=stride, channels=taken))
    else:
        layers.append(Add("s", ("c", "a"), (3, 5), 3))
    return Network("block", tuple(layers))


@pytest.mark.parametrize("shortcut", ["identity", "convolution", "option A"])
def test_a_join_costs_no_cycle(shortcut) -> None:
    """The interval is that of the slowest layer alone, which works in every cycle."""
    network = block(shortcut)
    folding = {"x": Fold(4), "a": Fold(4, 2), "b": Fold(4, 2), "c": Fold(4, 2)}
    if shortcut == "convolution":
        folding["d"] = Fold(4, 1)
    cost, x = predict(network, folding), pictures(network, 6)
    slowest = max(layer.cycles for layer in cost.layers)
    alone = network.alone("a")
    one = simulate(alone, {"x": Fold(4), "a": folding["a"]}, pictures(alone, 4))
    got = simulate(network, folding, x)
    np.testing.assert_array_equal(got.results, network.compute(x)["s"])
    assert got.intervals[-2:] == one.intervals[-2:] == [slowest] * 2 == [cost.interval] * 2
    assert slowest == 4 * 4 * 9 * 64 // 8 * 22 // 24  # two rows of the kernel at the edges


def test_the_longer_branch_passes_by_however_the_sum_is_written() -> None:
    for sources in (("c", "a"), ("a", "c")):
        layers = (*block("identity").layers[:-1], Add("s", sources, (3, 5), 3))
        network = Network("block", layers)
        made = plan(network, {name: Fold(2) for name in "xabc"})[-1]
        assert made.inputs == ("c", "a")
        check_cycles(Case(network, {"x": Fold(2), **{name: Fold(8, 2) for name in "abc"}}), 6)


@pytest.mark.parametrize("depth", [1, 4])
def test_shortcut_longer_than_what_it_is_added_to_is_refused(depth) -> None:
    """A map of channels says which branch passes by; were it the shorter, it could block."""
    rng = np.random.default_rng(1)
    layers: list = [
        Input("x", (2, 8, 8)),
        conv(rng, "a", "x", (2, 2)),
        conv(rng, "p", "a", (2, 3), (1, 1), padding=NO_PADDING),
    ]
    for index in range(depth):
        layers.append(conv(rng, f"b{index}", layers[-1].name if index else "a", (2, 2)))
    last = layers[-1].name
    layers.append(Add("s", ("p", last), (1, 1), 1, channels=(0, 1, -1)))
    folding = {layer.name: Fold(4) for layer in layers[:-1]}
    sentence = rf"^layer 's': 'p' must come by a longer way than '{last}'$"
    with pytest.raises(UnsupportedLayer, match=sentence):
        plan(Network("net", tuple(layers)), folding)


def test_three_consumers_and_a_shortcut_around_two_adds() -> None:
    rng = np.random.default_rng(8)
    layers = (
        Input("x", (2, 5, 5), bits=4),
        conv(rng, "a", "x", (2, 3)),
        conv(rng, "b", "a", (3, 3)),
        Add("s", ("b", "a"), (1, 1), 1, signed=True),
        conv(rng, "c", "s", (3, 3), (1, 1), padding=NO_PADDING),
        conv(rng, "d", "c", (3, 3)),
        Add("t", ("s", "d"), (5, 3), 3),
        Add("u", ("t", "a"), (7, 9), 4, bits=5),
    )
    network = Network("around", layers)
    folding = {"x": Fold(1), "a": Fold(5, 3), "b": Fold(2, 2, 2), "c": Fold(3), "d": Fold(4, 1, 3)}
    check_cycles(Case(network, folding), 6)
    check_stalls(Case(network, folding), "bursty", "random")


def down() -> Case:
    rng = np.random.default_rng(9)
    layers = (
        Input("x", (2, 6, 6), bits=5),
        conv(rng, "a", "x", (2, 3)),
        conv(rng, "b", "a", (3, 4), stride=(2, 2), density=0.6),
        conv(rng, "c", "b", (4, 4), density=0.6),
        conv(rng, "d", "a", (3, 4), (1, 1), stride=(2, 2), padding=NO_PADDING, signed=True),
        Add("s", ("c", "d"), (3, 5), 3),
        conv(rng, "e", "s", (4, 6), density=0.5),
        Add("t", ("e", "s"), (1, 1), 1, channels=(0, 1, 2, 3, -1, -1), signed=True),
        AvgPool("g", "t", (3, 3), (1, 1), 57, 9),
        conv(rng, "fc", "g", (6, 3), (1, 1), padding=NO_PADDING, raw=True),
    )
    folding = {
        "x": Fold(2),
        "a": Fold(3, 3),
        "b": Fold(3, 2),
        "c": Fold(3, 1, 3),
        "d": Fold(2, 2),
        "e": Fold(3, 2),
        "g": Fold(1),
        "fc": Fold(1),
    }
    return Case(Network("down", layers), folding)


@pytest.mark.parametrize("cycle", np.random.default_rng(3).integers(1, 1200, 10).tolist())
def test_frame_after_a_reset_is_right(cycle: int) -> None:
    made = down()
    frames = pictures(made.network, 1)
    expected = made.network.compute(frames)["fc"]
    np.testing.assert_array_equal(after_a_reset(made, frames, cycle), expected)


@pytest.mark.parametrize("shortcut", ["identity", "convolution", "option A"])
def test_memory_of_an_add_is_counted(shortcut) -> None:
    network = block(shortcut)
    folding = {layer.name: Fold(4) for layer in network.layers if not isinstance(layer, Add)}
    layer = predict(network, folding).layers[-1]
    made = plan(network, folding)[-1]
    assert (layer.name, layer.kind, layer.multipliers, layer.macs) == ("s", "Add", 0, 0)
    assert layer.memory_bits == made.memory_bits
    assert layer.memory_bits["row_buffer"] > 0


def stack() -> Network:
    """An identity block, two that halve the map, and a classifier."""
    rng = np.random.default_rng(11)

    def number(low: int, high: int) -> int:
        return int(rng.integers(low, high, endpoint=True))

    builder = Builder(number, (2, 8, 8))
    builder.conv("x", 4)
    for kind in ("identity", "convolution", "option A", "depthwise"):
        builder.block(kind)
    builder.linear()
    return Network("stack", tuple(builder.layers))


def multipliers(network: Network, folding: dict[str, Fold]) -> int:
    convs = [layer.name for layer in network.layers if isinstance(layer, Conv)]
    return sum(folding[name].multipliers for name in convs)


@pytest.mark.parametrize("budget", [11, 12, 17, 40, 100, 1000])
def test_folds_of_a_budget(budget) -> None:
    network = stack()
    least = sum(isinstance(layer, Conv) for layer in network.layers)
    assert least == 11
    folding = fold_to_multipliers(network, budget)
    assert set(folding) == {a.name for a in network.layers if not isinstance(a, Add)}
    plan(network, folding)  # every fold is valid
    cost = predict(network, folding)
    assert cost.multipliers == multipliers(network, folding) <= budget


def test_budget_below_one_multiplier_for_each() -> None:
    with pytest.raises(ValueError, match=r"^multipliers must be at least 11, one for each layer"):
        fold_to_multipliers(stack(), 10)


def test_more_multipliers_are_faster() -> None:
    network = stack()
    costs = [predict(network, fold_to_multipliers(network, n)) for n in (11, 22, 44, 88)]
    assert all(a.interval > b.interval for a, b in pairwise(costs))


def test_folds_of_an_interval() -> None:
    network = stack()
    for budget in (20, 60):
        wanted = predict(network, fold_to_multipliers(network, budget)).interval
        cost = predict(network, fold_to_interval(network, wanted))
        assert cost.interval <= wanted
        assert cost.multipliers <= budget


def test_interval_of_a_folded_network_is_the_predicted_one() -> None:
    network = down().network
    check_cycles(Case(network, fold_to_multipliers(network, 40)), 6)
