from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.attribution import Attribution
from hw.cost import Cost, LayerCost, predict
from hw.layers import Add, Conv, Input, MaxPool
from hw.network import Network
from hw.plan import Fold, LayerPlan, plan
from tests.hw.drawn import KINDS, drawn_cases
from tests.hw.networks import NO_PADDING, Case, conv, pictures
from tests.hw.waveform import fronts

RNG = np.random.default_rng(2)
CHAIN = Network(
    "chain",
    (
        Input("x", (2, 8, 9), bits=4),
        conv(RNG, "a", "x", (2, 4), density=0.5),
        MaxPool("p", "a"),
        conv(RNG, "c", "p", (4, 6), stride=(2, 1)),
        conv(RNG, "d", "c", (6, 3), (1, 1), padding=NO_PADDING),
    ),
)
BLOCK = Network(
    "block",
    (
        Input("x", (2, 6, 6), bits=4),
        conv(RNG, "a", "x", (2, 3), bits=4),
        conv(RNG, "b", "a", (3, 3), bits=4),
        Add("s", ("b", "a"), (1, 1), 1),
        conv(RNG, "c", "s", (3, 2)),
    ),
)
FOLDED = {
    "even": Case(CHAIN, {"x": Fold(3), "a": Fold(3, 2), "p": Fold(2), "c": Fold(4), "d": Fold(4)}),
    "slow end": Case(
        CHAIN, {"x": Fold(9), "a": Fold(9, 1, 4), "p": Fold(4), "c": Fold(4, 3, 2), "d": Fold(1)}
    ),
    "slow front": Case(
        CHAIN, {"x": Fold(1), "a": Fold(1), "p": Fold(4), "c": Fold(2, 6), "d": Fold(4, 1, 3)}
    ),
    "block": Case(BLOCK, {"x": Fold(3), "a": Fold(6, 1, 2), "b": Fold(3, 3), "c": Fold(2)}),
}
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
drawn = settings(derandomize=True, deadline=None, database=None, suppress_health_check=SLOW)


def parts(cost: Cost, name: str) -> Attribution:
    found = layer(cost, name).attribution
    assert found is not None
    return found


def layer(cost: Cost, name: str) -> LayerCost:
    return next(layer for layer in cost.layers if layer.name == name)


def outside(network: Network, name: str) -> tuple[int, int]:
    """Surviving taps of a picture that lie in rows outside it, and in its padding altogether."""
    kernel = next(layer for layer in network.layers if layer.name == name)
    assert isinstance(kernel, Conv)
    (_, high, wide), (_, height, width) = (network.formats[n].shape for n in (*kernel.inputs, name))
    rows, padding = 0, 0
    for *_, ky, kx in np.argwhere(kernel.survivors).tolist():
        y = np.arange(height) * kernel.stride[0] + ky * kernel.dilation[0] - kernel.padding[0]
        x = np.arange(width) * kernel.stride[1] + kx * kernel.dilation[1] - kernel.padding[2]
        above, beside = (y < 0) | (y >= high), (x < 0) | (x >= wide)
        rows += int(above.sum()) * width
        padding += int((above[:, None] | beside).sum())
    return rows, padding


def adds_up(case: Case) -> None:
    cost = predict(case.network, case.folding)
    plans = {made.name: made for made in plan(case.network, case.folding)}
    for one in cost.layers:
        if one.attribution is None or one.first_frame is None:
            assert one.kind == "Add"
            continue
        assert one.attribution.total == Fraction(sum(cost.intervals), len(cost.intervals))
        assert min(one.attribution.parts.values()) >= 0
        assert one.first_frame.total == cost.latency
        assert min(one.first_frame.fill, one.first_frame.input, one.first_frame.link) >= 0
        made = plans[one.name]
        if one.multipliers and isinstance(made, LayerPlan):
            used = one.attribution.useful + one.attribution.border
            skipped = outside(case.network, one.name)[0] if made.skipping else 0
            assert used == Fraction(one.macs - skipped, one.multipliers)


@settings(drawn, max_examples=150)
@given(case=st.sampled_from(KINDS).flatmap(drawn_cases))
def test_parts_of_any_network_add_up(case: Case) -> None:
    adds_up(case)


@pytest.mark.parametrize("name", FOLDED)
def test_waits_are_those_of_the_simulated_fronts(name, tmp_path) -> None:
    """Cycles in which a front fires, waits for its window, or for room, one by one."""
    case = FOLDED[name]
    frames = 18 if name == "slow end" else 7  # its rings take longer to fill
    seen = fronts(case, pictures(case.network, frames), tmp_path / "waves.vcd")
    cost = predict(case.network, case.folding)
    assert seen.ends[0] == cost.latency
    assert np.diff(seen.ends)[-3:].tolist() == [cost.interval] * 3
    for one in cost.layers:
        if one.attribution is None or one.first_frame is None:
            continue
        fired = np.flatnonzero(seen.fire[one.name]).reshape(frames, -1)
        wanted, first = one.attribution, one.first_frame
        walk = wanted.total - wanted.input - wanted.link
        assert seen.counts(one.name, fired[-2, -1] + 1, fired[-1, -1] + 1) == (
            walk,
            wanted.input,
            wanted.link,
        )
        assert fired[0, 0] == first.fill
        assert seen.counts(one.name, first.fill, fired[0, -1] + 1) == (
            first.walk,
            first.input,
            first.link,
        )


def test_the_simulated_networks_wait_for_all_that_there_is() -> None:
    found = [predict(case.network, case.folding) for case in FOLDED.values()]
    attributed = [one.attribution for cost in found for one in cost.layers if one.attribution]
    assert any(one.input for one in attributed)
    assert any(one.link for one in attributed)


def test_border_is_counted_pixel_by_pixel() -> None:
    padding, stride, dilation = (2, 1, 0, 2), (2, 1), (1, 2)
    kernel = conv(
        RNG,
        "a",
        channels=(2, 3),
        padding=padding,
        stride=stride,
        dilation=dilation,
        density=0.6,
    )
    network = Network("net", (Input("x", (2, 7, 5)), kernel))
    rows, padding = outside(network, "a")
    folds = {"x": Fold(5), "a": Fold(2, 3)}
    (made,) = plan(network, folds)
    assert isinstance(made, LayerPlan)
    walked = padding - rows if made.skipping else padding
    found = parts(predict(network, folds), "a")
    assert found.border == Fraction(walked, 6)
    assert found.useful == Fraction(network.macs - padding, 6)


def test_slow_producer_shows_as_input() -> None:
    network = Network("net", (Input("x", (4, 8, 8)), conv(RNG, "a", "x", (4, 2), (1, 1))))
    cost = predict(network, {"x": Fold(1), "a": Fold(8)})
    assert cost.interval == 4 * 64  # a pixel of a channel a cycle
    found = parts(cost, "a")
    assert (found.input, found.link) == (4 * 64 - 4 * 2 * 8, 0)


def test_slow_consumer_shows_as_link() -> None:
    layers = (
        Input("x", (2, 8, 8)),
        conv(RNG, "a", "x", (2, 2), (1, 1)),
        conv(RNG, "b", "a", (2, 8)),
    )
    cost = predict(Network("net", layers), {"x": Fold(8), "a": Fold(4), "b": Fold(4)})
    slowest = 2 * 9 * 8 * 2 * 8 * 22 // 24  # two rows of the kernel at the edges
    assert cost.interval == slowest
    a, b = parts(cost, "a"), parts(cost, "b")
    assert (a.input, a.link) == (0, slowest - 4 * 2 * 8)
    assert (b.input, b.link) == (0, 0)


def test_lanes_beyond_the_width_are_ragged() -> None:
    network = Network("net", (Input("x", (2, 6, 10)), conv(RNG, "a", "x", (2, 3))))
    taps = 2 * 3 * 3 * 16  # of a column: two rows of the kernel lie outside, of 6 times three
    found = parts(predict(network, {"x": Fold(5), "a": Fold(4)}), "a")
    assert found.ragged == Fraction(taps * 2, 4)  # two lanes of four, in one block of three
    found = parts(predict(network, {"x": Fold(5), "a": Fold(5)}), "a")
    assert found.ragged == 0


def test_members_that_lack_taps_of_their_group_are_imbalance() -> None:
    masks = np.zeros((2, 4, 1, 1), bool)
    masks[0, :3], masks[1, 1:] = True, True  # three taps each, four in the union
    kernel = Conv("a", "x", masks.astype(int), np.zeros(2, int), mask=masks, granularity="kernel")
    network = Network("net", (Input("x", (4, 4, 4)), kernel))
    folds = {"x": Fold(4), "a": Fold(2, 2)}
    assert parts(predict(network, folds), "a").imbalance == (4 - 3) * 2 * 4
    alone = parts(predict(network, folds | {"a": Fold(2, 1)}), "a")
    assert alone.imbalance == 0


def test_idle_sequencers_are_imbalance() -> None:
    """Three lists of nine maxima for two sequencers: one walks two of them, the other one."""
    network = Network("net", (Input("x", (3, 6, 6)), MaxPool("p", "x", (3, 3), (1, 1))))
    found = parts(predict(network, {"x": Fold(6), "p": Fold(2, 1, 2)}), "p")
    assert found.imbalance == Fraction(9, 2) * 2 * 4


def test_sums_that_leave_one_a_cycle_are_drain() -> None:
    """Eight lists of one tap: two for each of four sequencers, but eight cycles to leave."""
    network = Network("net", (Input("x", (1, 4, 4)), conv(RNG, "a", "x", (1, 8), (1, 1))))
    found = parts(predict(network, {"x": Fold(4), "a": Fold(2, 1, 4)}), "a")
    assert (found.useful, found.imbalance) == (2 * 2 * 4, 0)
    assert found.drain == (8 - 2) * 2 * 4
