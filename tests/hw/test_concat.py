import numpy as np
import pytest

from hw.cost import predict
from hw.layer_plan import LayerPlan
from hw.layers import Add, Concat, Input, MaxPool
from hw.network import Network
from hw.plan import Fold, plan
from tests.hw.networks import NO_PADDING, Case, conv, pictures
from tests.hw.pipeline import check_rounds, simulate

RNG = np.random.default_rng(5)
FORM = {"bits": 6, "signed": True}


def branches() -> tuple:
    """A layer and three ways on from it: one layer, three, and none."""
    return (
        Input("x", (2, 7, 6)),
        conv(RNG, "a", "x", (2, 3), **FORM),
        conv(RNG, "short", "a", (3, 2), (1, 1), padding=NO_PADDING, **FORM),
        conv(RNG, "l1", "a", (3, 2), **FORM),
        conv(RNG, "l2", "l1", (2, 2), (5, 3), **FORM),
        conv(RNG, "long", "l2", (2, 1), **FORM),
    )


def joined(order: tuple[str, ...], *behind) -> Network:
    read = tuple(layer for layer in branches() if layer.name != "short" or "short" in order)
    return Network("joined", (*read, Concat("c", order), *behind))


def folding(network: Network, **folds: Fold) -> dict[str, Fold]:
    """Three lanes for every layer, and what is said otherwise."""
    return {layer.name: Fold(3) for layer in network.layers} | folds


ORDERS = ("short", "long", "a"), ("a", "long", "short"), ("long", "a", "short")


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_branches_of_any_length_never_block_each_other(order) -> None:
    """Whatever the order, and whoever stalls; and each frame ends in its very cycle."""
    net = joined(order, conv(RNG, "d", "c", (6, 2)))
    made = Case(net, folding(net, a=Fold(3, 3, 1, 3), d=Fold(2, 1, 2)))
    x = pictures(net, 6)
    stalls = (("random", "none"), ("none", "random"), ("bursty", "bursty"))
    check_rounds(made, [(x, "none", "none"), *((x[:3], *pair) for pair in stalls)], 1)


def test_concat_that_only_walks_read_is_no_hardware() -> None:
    """Each reader stores the sources by themselves, and a nested concat's one by one."""
    pool = MaxPool("p", "c", (3, 3), (1, 1), (1, 1, 1, 1))
    outer = Concat("e", ("p", "c"))
    net = joined(("long", "a"), pool, outer, conv(RNG, "d", "e", (8, 2)))
    plans = {p.name: p for p in plan(net, folding(net))}
    assert plans.keys() == {"a", "l1", "l2", "long", "p", "d"}
    assert plans["p"].inputs == ("long", "a")
    assert plans["d"].inputs == ("p", "long", "a")
    made = plans["d"]
    assert isinstance(made, LayerPlan)
    assert made.first_channels == (0, 4, 5)
    assert [store.link.activation.shape[0] for store in made.stores] == [4, 1, 3]


def test_rings_hold_what_a_branch_is_ahead() -> None:
    """Nothing may come before the longest branch; of the others' rows, those that can be there."""
    net = joined(("short", "long", "a"), conv(RNG, "d", "c", (6, 2)))
    made = next(p for p in plan(net, folding(net)) if p.name == "d")
    assert isinstance(made, LayerPlan)
    short, long, a = (store.rows.ring for store in made.stores)
    assert long < short <= a
    alone = conv(RNG, "d", "x", (6, 2))
    (one,) = plan(Network("one", (Input("x", (6, 7, 6)), alone)), {"x": Fold(3), "d": Fold(3)})
    assert isinstance(one, LayerPlan)
    assert long >= one.stores[0].rows.ring


def test_interval_is_that_of_the_slowest_layer() -> None:
    net = joined(("short", "long", "a"), conv(RNG, "d", "c", (6, 2)))
    cost = predict(net, folding(net))
    assert cost.interval == max(layer.cycles for layer in cost.layers)


@pytest.mark.parametrize("end", ["add", "output"])
def test_concat_that_is_not_walked_is_a_walk_itself(end) -> None:
    form = {"bits": 5, "signed": True}
    added = (
        conv(RNG, "m1", "long", (1, 2), **FORM),
        conv(RNG, "m2", "m1", (2, 3), **FORM),
        Add("s", ("m2", "c"), (3, 2), 2, **form),
    )
    net = joined(("short", "long"), *(added if end == "add" else ()))
    net = Network("net", tuple(net.layers))
    folds = folding(net, c=Fold(2, 1, 2))
    plans = {p.name: p for p in plan(net, folds)}
    assert plans["c"].inputs == ("short", "long")
    x = pictures(net, 6)
    run = simulate(net, folds, x)
    np.testing.assert_array_equal(run.results, net.compute(x)[net.outputs[0]])
    cost = predict(net, folds)
    walked = next(layer for layer in cost.layers if layer.name == "c")
    assert (walked.kind, walked.multipliers, walked.macs) == ("Concat", 0, 0)
    assert (run.latency, run.intervals[-1]) == (cost.latency, cost.interval)
