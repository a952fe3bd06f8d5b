import dataclasses
import re
from itertools import product

import numpy as np
import pytest

from hw.cost import predict, predict_interval
from hw.folding import fold_to_interval, fold_to_multipliers
from hw.layers import Input, MaxPool
from hw.network import Network
from hw.plan import Fold
from tests.hw.foldings import every_folding, multipliers
from tests.hw.networks import NO_PADDING, conv


def pooled() -> Network:
    rng = np.random.default_rng(1)
    layers = (
        Input("x", (1, 4, 4)),
        conv(rng, "a", "x", (1, 2), density=0.7),
        MaxPool("p", "a"),
        conv(rng, "c", "p", (2, 2), (2, 2), padding=NO_PADDING, raw=True),
    )
    return Network("pooled", layers)


def pair() -> Network:
    rng = np.random.default_rng(2)
    a = conv(rng, "a", "x", (2, 3), by_kernel=True, density=0.6)
    b = conv(rng, "b", "a", (3, 2), (3, 3), stride=(2, 1))
    return Network("pair", (Input("x", (2, 4, 3)), a, b))


def single() -> Network:
    rng = np.random.default_rng(3)
    return Network("single", (Input("x", (2, 5, 5)), conv(rng, "a", "x", (2, 5))))


def uneven() -> Network:
    rng = np.random.default_rng(5)
    return Network("uneven", (Input("x", (2, 3, 4)), conv(rng, "a", "x", (2, 5), density=0.4)))


def starved() -> Network:
    """Most channels are written and never read, so that no fold waits for its multipliers."""
    rng = np.random.default_rng(4)
    layer = conv(rng, "a", "x", (6, 1), (1, 1), raw=True)
    mask = layer.survivors & (np.arange(6) == 2)[:, None, None]
    kept = dataclasses.replace(layer, weight=layer.weight * mask, mask=mask)
    return Network("starved", (Input("x", (6, 2, 3)), kept))


NETWORKS = {make.__name__: make() for make in (pooled, pair, single, uneven, starved)}


@pytest.fixture(scope="module")
def brute() -> dict[str, np.ndarray]:
    """Multipliers and interval of every folding, by network: (foldings, 2)."""
    return {
        name: np.array(
            [(multipliers(net, f), predict_interval(net, f)) for f in every_folding(net)]
        )
        for name, net in NETWORKS.items()
    }


@pytest.mark.parametrize("name", NETWORKS)
def test_shortest_interval_of_a_budget(brute, name) -> None:
    network, table = NETWORKS[name], brute[name]
    for budget in sorted(set(table[:, 0].tolist())):
        folding = fold_to_multipliers(network, budget)
        cost = predict(network, folding)
        assert multipliers(network, folding) == cost.multipliers <= budget
        fastest = table[table[:, 0] <= budget, 1].min()
        assert fastest <= cost.interval <= 1.03 * fastest


@pytest.mark.parametrize("name", NETWORKS)
def test_fewest_multipliers_of_an_interval(brute, name) -> None:
    network, table = NETWORKS[name], brute[name]
    for interval in sorted(set(table[:, 1].tolist())):
        folding = fold_to_interval(network, interval)
        cost = predict(network, folding)
        assert cost.interval <= interval
        fewest = table[table[:, 1] <= interval, 0].min()
        thrifty = table[1.03 * table[:, 1] <= interval, 0]
        assert fewest <= cost.multipliers
        assert not len(thrifty) or cost.multipliers <= thrifty.min()


@pytest.mark.parametrize("name", NETWORKS)
def test_interval_that_no_fold_reaches(brute, name) -> None:
    fastest = int(brute[name][:, 1].min())
    sentence = f"network '{name}': interval must be at least {fastest} cycles, not {fastest - 1}"
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        fold_to_interval(NETWORKS[name], fastest - 1)


@pytest.mark.parametrize("budget", [0, 1, -5])
def test_budget_that_is_too_small(budget) -> None:
    sentence = (
        "multipliers must be at least 2, one for each layer of 'pooled' that multiplies, "
        f"not {budget}"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        fold_to_multipliers(NETWORKS["pooled"], budget)


def test_budget_beyond_use_leaves_no_lane_idle() -> None:
    folding = fold_to_multipliers(NETWORKS["single"], 10_000)
    assert multipliers(NETWORKS["single"], folding) <= 5 * 5 * 2  # every list cut in two


def one(inputs: int, outputs: int, size: int, **more) -> Network:
    layer = conv(np.random.default_rng(7), "a", "x", (inputs, outputs), **more)
    return Network("one", (Input("x", (inputs, size, size)), layer))


def test_sequencers_are_as_many_as_divide_the_work() -> None:
    """A dense layer on 36 multipliers; groups and lanes alone would need a divisor of 16 and 32."""
    network = one(16, 16, 32)
    folding = fold_to_multipliers(network, 36)
    assert predict(network, folding).interval * 36 == network.macs
    assert folding["a"].R % 9 == 0


def test_sequencers_that_hardly_help_are_not_taken() -> None:
    network = one(16, 32, 10, padding=NO_PADDING)
    folding = fold_to_multipliers(network, 30)
    fine = {"x": Fold(1), "a": Fold(1, 2, 15)}
    faster, chosen = predict(network, fine).interval, predict(network, folding).interval
    assert faster < chosen <= 1.03 * faster
    assert folding["a"].R < 15 / 2


def test_lists_that_share_badly_are_known_before() -> None:
    """Cut among 11 sequencers, 16 lists of 27 taps take more entries than their taps require."""
    network, budget = one(3, 16, 4), 11
    folds = [
        Fold(lanes, group, sequencers)
        for lanes, group, sequencers in product(range(1, 5), range(1, 12), range(1, 12))
        if lanes * group * sequencers <= budget
    ]
    fastest = min(predict(network, {"x": Fold(4), "a": fold}).interval for fold in folds)
    eleven = predict(network, {"x": Fold(4), "a": Fold(1, 1, 11)}).interval
    assert eleven > -(-16 * 27 // 11) * 16
    chosen = predict(network, fold_to_multipliers(network, budget)).interval
    assert fastest <= chosen <= 1.03 * fastest


def test_same_network_same_folds() -> None:
    assert fold_to_multipliers(pair(), 11) == fold_to_multipliers(pair(), 11)
