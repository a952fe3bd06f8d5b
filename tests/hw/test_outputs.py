from itertools import chain, repeat

import numpy as np
import pytest

from hw.area import OUTPUT, predict_parts
from hw.cost import predict, predict_ends
from hw.layers import Add, Concat, Input, MaxPool
from hw.network import Network
from hw.outputs import elements_per_beat, outputs_of
from hw.plan import Fold, plan
from tests.hw.networks import NO_PADDING, Case, conv, pictures
from tests.hw.pipeline import check_cycles, check_rounds, simulate_each
from tests.hw.streams import never

RNG = np.random.default_rng(8)
X = Input("x", (2, 5, 6), bits=5)
CHAIN = (  # a map that others read, and a vector
    X,
    conv(RNG, "a", "x", (2, 5), density=0.6),
    MaxPool("p", "a", (2, 2), (1, 2)),
    conv(RNG, "c", "p", (5, 3), (4, 3), padding=NO_PADDING, raw=True),
)
FOLDS = {"x": Fold(3), "a": Fold(4, 2), "p": Fold(3), "c": Fold(1, 1, 3)}
BLOCK = (
    X,
    conv(RNG, "a", "x", (2, 3)),
    conv(RNG, "b", "a", (3, 4)),
    conv(RNG, "c", "b", (4, 3)),
    Add("s", ("c", "a"), (3, 2), 3),
)
BRANCHES = (
    X,
    conv(RNG, "a", "x", (2, 3), (1, 1), padding=NO_PADDING),
    conv(RNG, "b", "x", (2, 2)),
    conv(RNG, "c", "b", (2, 2)),
    Concat("j", ("c", "a")),
    conv(RNG, "d", "j", (5, 3)),
)
CASES = {
    "map and vector": Case(Network("net", CHAIN, ("a", "c")), FOLDS),
    "vector first": Case(Network("net", CHAIN, ("c", "p", "a")), FOLDS | {"c": Fold(1)}),
    "picture": Case(Network("net", CHAIN, ("x", "c")), FOLDS | {"x": Fold(1)}),
    "nobody reads on": Case(
        Network("net", (*CHAIN[:2], conv(RNG, "b", "x", (2, 2), (1, 1))), ("a", "b")),
        {"x": Fold(6), "a": Fold(6, 1, 2), "b": Fold(2)},
    ),
    "both branches of an add": Case(
        Network("net", BLOCK, ("a", "b", "s")),
        {"x": Fold(6), "a": Fold(6), "b": Fold(4, 2), "c": Fold(2, 1, 3)},
    ),
    "sources of a concat": Case(
        Network("net", BRANCHES, ("a", "c", "d")),
        {"x": Fold(6), "a": Fold(3), "b": Fold(6), "c": Fold(2, 2), "d": Fold(4, 1, 2, 2)},
    ),
    "concat": Case(
        Network("net", BRANCHES, ("j", "d")),
        {"x": Fold(4), "a": Fold(4), "b": Fold(4), "c": Fold(4), "j": Fold(2), "d": Fold(6)},
    ),
}
each_case = pytest.mark.parametrize("made", CASES.values(), ids=CASES)


def test_a_vector_leaves_element_by_element_and_a_map_pixel_by_pixel() -> None:
    assert [elements_per_beat(s) for s in ((10, 1, 1), (10, 1, 2), (4, 3, 1))] == [1, 10, 4]


def test_streams_are_called_as_their_layers_unless_there_is_one() -> None:
    def found(network: Network) -> list[tuple[str, str]]:
        outputs = outputs_of(network, FOLDS, plan(network, FOLDS))
        return [(output.stream, output.layer) for output in outputs]

    assert found(Network("net", CHAIN)) == [("m_axis", "c")]
    assert found(Network("net", CHAIN, ("c", "a"))) == [("m_axis_c", "c"), ("m_axis_a", "a")]


@each_case
def test_every_output_leaves_in_the_predicted_cycles(made) -> None:
    check_cycles(made, frames=5)


@each_case
def test_whoever_stalls_changes_no_result(made) -> None:
    stalls = ("none", "none,bursty"), ("none", "bursty,none"), ("random", "random,bursty")
    check_rounds(made, [(pictures(made.network, 2), *each) for each in stalls])


def test_output_that_is_not_drained_holds_the_others_up_and_no_longer() -> None:
    made, pause = CASES["both branches of an add"], 2000
    x = pictures(made.network, 5)
    expected = made.network.compute(x)
    for held, late in enumerate(expected):

        def stalls(index, held=held):
            return chain(repeat(True, pause if index == held else 0), never())

        (got,) = simulate_each(made.network, made.folding, [(x, never(), stalls)])
        for layer, result in expected.items():
            np.testing.assert_array_equal(got.outputs[layer], result)
            assert got.ends_of[layer][-1] > pause  # rings and queues do not hold five frames
        assert got.ends_of[late][0] > pause


def test_latency_is_that_of_the_last_output() -> None:
    """Whichever it is: the map of a slow layer, or the logits of a short way."""
    made = CASES["nobody reads on"]
    for slow in "ab":
        folds = made.folding | {"a": Fold(6, 1, 5), slow: Fold(1)}
        ends = predict_ends(made.network, folds, 3)
        cost = predict(made.network, folds)
        assert max(ends, key=lambda name: ends[name][0]) == slow
        assert cost.latency == ends[slow][0] > min(end[0] for end in ends.values())
        check_cycles(Case(made.network, folds))


def test_every_output_takes_area() -> None:
    both, alone = (
        predict_parts(Network("net", CHAIN, outputs), FOLDS, "ecp5")
        for outputs in (("a", "c"), ("c",))
    )
    assert both[OUTPUT].luts > alone[OUTPUT].luts
    assert both["a"].luts > alone["a"].luts  # the fork
