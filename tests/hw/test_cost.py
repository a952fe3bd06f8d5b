import time
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from hw.cost import predict
from hw.folding import fold_to_multipliers
from hw.layer_plan import LayerPlan
from hw.layers import Conv, Input, MaxPool
from hw.network import Network
from hw.plan import Fold, plan
from tests.hw.networks import NO_PADDING, conv, pictures
from tests.hw.pipeline import simulate

RNG = np.random.default_rng(1)
NETWORK = Network(
    "net",
    (
        Input("x", (2, 8, 8), bits=4),
        conv(RNG, "a", "x", (2, 4), density=0.5),
        MaxPool("p", "a"),
        conv(RNG, "c", "p", (4, 3), (4, 4), padding=NO_PADDING, raw=True),
    ),
)
FOLDING = {"x": Fold(4), "a": Fold(4, 2), "p": Fold(2), "c": Fold(1, 3)}
SEQUENCED = {"x": Fold(4), "a": Fold(4, 1, 3), "p": Fold(2, 1, 2), "c": Fold(1, 1, 2)}


def test_cost_adds_up() -> None:
    cost = predict(NETWORK, FOLDING)
    assert [(c.name, c.kind, c.multipliers) for c in cost.layers] == [
        ("a", "Conv", 8),
        ("p", "MaxPool", 0),
        ("c", "Conv", 3),
    ]
    assert [c.fold for c in cost.layers] == [FOLDING[c.name] for c in cost.layers]
    assert cost.multipliers == 11
    assert sum(c.macs for c in cost.layers) == NETWORK.macs
    assert sum(c.parameters for c in cost.layers) == NETWORK.parameters
    assert cost.memory_bits == sum(sum(c.memory_bits.values()) for c in cost.layers)
    assert cost.utilisation == NETWORK.macs / (cost.interval * 11)
    assert cost.layers[1].utilisation is None
    assert cost.interval >= max(c.cycles for c in cost.layers)


@pytest.mark.parametrize("folding", [FOLDING, SEQUENCED], ids=["one", "several"])
@pytest.mark.parametrize("name", ["a", "p", "c"])
def test_cycles_of_a_layer_are_those_it_takes_alone(name, folding) -> None:
    alone = NETWORK.alone(name)
    producer = {"a": "x", "p": "a", "c": "p"}[name]
    single = {producer: Fold(folding[producer].P), name: folding[name]}
    run = simulate(alone, single, pictures(alone, 6))
    layer = next(c for c in predict(NETWORK, folding).layers if c.name == name)
    assert run.intervals[-2:] == [layer.cycles] * 2


def test_utilisation_is_surviving_macs_over_cycles_times_multipliers() -> None:
    layer = predict(NETWORK, FOLDING).layers[0]
    a = NETWORK.layers[1]
    assert isinstance(a, Conv)
    assert layer.utilisation == a.survivors.sum() * 64 / (layer.cycles * 8)


def test_sequencers_share_the_taps_of_a_pass() -> None:
    """Cut where they must be, a third of them each; pooling then waits to be written to."""
    (a, p, c) = predict(NETWORK, SEQUENCED).layers
    cut = NETWORK.layers[1]
    assert isinstance(cut, Conv)
    taps = cut.survivors.sum()
    assert a.cycles == -(-taps // 3) * 2 * 8
    assert (p.cycles, p.multipliers, p.input_bound) == (4 * 8 * 2 * 2, 0, True)
    assert (c.fold, c.multipliers) == (Fold(1, 1, 2), 2)
    assert c.cycles == 3 * 64 // 2


def test_layer_that_waits_for_its_input_says_so() -> None:
    one = Network("one", (Input("x", (4, 8, 8)), conv(RNG, "a", "x", (4, 1), (1, 1))))
    slow = predict(one, {"x": Fold(1), "a": Fold(8)}).layers[0]
    assert slow.input_bound
    assert slow.cycles == 4 * 64
    assert not predict(one, {"x": Fold(8), "a": Fold(2)}).layers[0].input_bound


@pytest.mark.parametrize(("kernel", "stride", "lanes"), [((1, 3), (2, 1), 4), ((2, 3), (4, 1), 8)])
def test_layer_that_waits_takes_the_cycles_of_its_writes(kernel, stride, lanes) -> None:
    """A row that no tap reads takes a cycle a beat, whatever it would take to be written."""
    one = Network(
        "one", (Input("x", (4, 8, 8)), conv(RNG, "a", "x", (4, 1), kernel, stride=stride))
    )
    folding = {"x": Fold(2), "a": Fold(lanes)}
    (made,) = plan(one, folding)
    assert isinstance(made, LayerPlan)
    assert not all(made.rows.stored[made.rows.top :][:8])
    run = simulate(one, folding, pictures(one, 4))
    assert run.intervals[-2:] == [made.stores[0].write_cycles] * 2
    assert predict(one, folding).layers[0].input_bound


def test_frames_of_a_few_cycles_that_alternate_for_ever() -> None:
    """A pixel is one beat, one tap and one output: rows wait for each other in a rhythm of two."""
    network = Network("tiny", (Input("x", (1, 3, 1)), conv(RNG, "a", "x", (1, 1), (1, 1))))
    folding = {"x": Fold(1), "a": Fold(1)}
    cost = predict(network, folding)
    run = simulate(network, folding, pictures(network, 13))
    assert run.latency == cost.latency
    assert sorted(cost.intervals) == [7, 8]
    assert run.intervals[4:] in (list(cost.intervals) * 4, list(cost.intervals[::-1]) * 4)
    assert (cost.mean_interval, cost.interval) == (Fraction(15, 2), 8)


def test_more_multipliers_are_never_slower() -> None:
    budgets = [2, 3, 5, 8, 13, 21]
    costs = [predict(NETWORK, fold_to_multipliers(NETWORK, b)).interval for b in budgets]
    assert all(a >= b for a, b in pairwise(costs))
    assert costs[0] > costs[-1]


def test_large_network_is_predicted_within_a_second() -> None:
    """As many layers and pixels as ResNet-20 on CIFAR-10."""
    layers: list = [Input("x", (3, 32, 32))]
    folding = {"x": Fold(32)}
    channels = 3
    for index, width in enumerate([16] * 7 + [32] * 6 + [64] * 6):
        stride = (2, 2) if index in (7, 13) else (1, 1)
        source = layers[-1].name
        layers.append(conv(RNG, f"c{index}", source, (channels, width), stride=stride))
        folding[f"c{index}"] = Fold(8, 4)
        channels = width
    network = Network("deep", tuple(layers))
    start = time.process_time()
    cost = predict(network, folding)
    assert time.process_time() - start < 1  # a tenth of a second on an idle machine
    slowest = max(c.cycles for c in cost.layers)
    assert slowest <= cost.interval <= 1.01 * slowest
