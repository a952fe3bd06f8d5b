import re
import time
from functools import cache, partial
from typing import Any

import numpy as np
import pytest

from hw.area import predict_area
from hw.cost import predict_interval
from hw.fit import DoesNotFit, fold_to_target, ratio_that_fits
from hw.fold import Fold, Folding
from hw.layers import Add, AvgPool, Conv, Input, Layer
from hw.network import Network
from hw.plan import plan
from hw.plan_memo import PlanMemo
from hw.resources import KINDS, Resources, used
from hw.targets import target
from tests.hw.foldings import every_folding, multipliers
from tests.hw.networks import NO_PADDING, conv

TOLERANCE = 1.03  # as of `fold_to_multipliers`
BRANCHES = 1.05  # where branches meet, folds are chosen in turn


def pair() -> Network:
    rng = np.random.default_rng(2)
    a = conv(rng, "a", "x", (2, 2), density=0.8)
    return Network("pair", (Input("x", (2, 3, 2)), a, conv(rng, "b", "a", (2, 2), (1, 1))))


def wide() -> Network:
    rng = np.random.default_rng(4)
    return Network("wide", (Input("x", (3, 3, 3)), conv(rng, "a", "x", (3, 3), (3, 2))))


def residual() -> Network:
    rng = np.random.default_rng(5)
    layers = (
        conv(rng, "a", "x", (1, 2)),
        conv(rng, "b", "a", (2, 2)),
        Add("s", ("b", "a"), (3, 5), 3),
    )
    return Network("residual", (Input("x", (1, 3, 2)), *layers))


NETWORKS = {make.__name__: make() for make in (pair, wide, residual)}
FAMILIES = ("ecp5", "ice40hx")  # with multiplier cells and without any


def only(kind: str, most: int, family: str = "ecp5") -> Resources:
    """Bound one resource."""
    limits: dict[str, Any] = {kind: most}
    return Resources(family=family, **limits)


def amounts(network: Network, folding: Folding, family: str) -> dict[str, float]:
    area = predict_area(network, folding, family)
    return used(area, multipliers(network, folding))


def is_of_use(network: Network, folding: Folding) -> bool:
    """Whether every sequencer has a list, or half a one, to walk."""
    pairs = [(layer, folding[layer.name]) for layer in network.layers if isinstance(layer, Conv)]
    return all(2 * -(-len(layer.weight) // fold.G) >= fold.R for layer, fold in pairs)


@cache
def table(name: str) -> dict[str, np.ndarray]:
    """What every folding takes of every kind, and its interval: (foldings, 6), by family."""
    network, memo = NETWORKS[name], PlanMemo()
    rows: dict[str, list] = {family: [] for family in FAMILIES}
    for folding in filter(partial(is_of_use, network), every_folding(network)):
        plans = plan(network, folding, memo)
        interval, many = predict_interval(network, folding, plans), multipliers(network, folding)
        for family in FAMILIES:
            taken = used(predict_area(network, folding, family, plans), many)
            rows[family].append((*taken.values(), interval))
    return {family: np.array(found) for family, found in rows.items()}


def some(values: np.ndarray, count: int = 5) -> list[int]:
    """Some of different values, the least and the most among them."""
    found = np.unique(values)
    return found[
        np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)
    ].tolist()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETWORKS)
def test_shortest_interval_of_all_folds(name, kind, family) -> None:
    network, every = NETWORKS[name], table(name)[family]
    column = list(KINDS).index(kind)
    # The least of all may come of a fold that has no reason but to be that small.
    for most in some(every[:, column])[1:]:
        resources = only(kind, int(most), family)
        folding = fold_to_target(network, resources)
        assert amounts(network, folding, family)[kind] <= most
        fits = every[:, column] <= most / (BRANCHES if name == "residual" else 1)
        if fits.any():
            fastest = every[fits, 5].min()
            most_cycles = max(TOLERANCE * fastest, fastest + 1)
            assert predict_interval(network, folding) <= most_cycles


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("name", NETWORKS)
def test_shortest_interval_where_two_resources_are_scarce(name, family) -> None:
    network, every = NETWORKS[name], table(name)[family]
    rng, kinds = np.random.default_rng(1), list(KINDS)
    for _ in range(5):
        pair = rng.choice(len(kinds), size=2, replace=False)
        small = every[rng.choice(len(every), size=8)]
        row = small[small[:, pair].sum(axis=1).argmin()]  # of a folding that fits
        limits: dict[str, Any] = {kinds[k]: int(row[k]) for k in pair}
        folding = fold_to_target(network, Resources(family=family, **limits))
        taken = amounts(network, folding, family)
        assert all(taken[kind] <= most for kind, most in limits.items())
        fastest = every[(every[:, pair] <= row[pair]).all(axis=1), 5].min()
        assert predict_interval(network, folding) <= max(TOLERANCE * fastest, fastest + 1)


@pytest.mark.parametrize("kind", ["luts", "dsp_cells", "multipliers"])
@pytest.mark.parametrize("name", NETWORKS)
def test_least_area_within_an_interval(name, kind) -> None:
    """If only one resource counts, no fold that is clearly faster takes less of it."""
    network, every = NETWORKS[name], table(name)["ecp5"]
    column = list(KINDS).index(kind)
    for cycles in some(every[:, 5]):
        faster = every[np.maximum(TOLERANCE * every[:, 5], every[:, 5] + 1) <= cycles, column]
        if len(faster):
            most = int(BRANCHES * faster.min())
            folding = fold_to_target(network, only(kind, most), cycles=int(cycles))
            assert predict_interval(network, folding) <= cycles
            assert amounts(network, folding, "ecp5")[kind] <= most


@pytest.mark.parametrize("name", NETWORKS)
def test_less_than_the_least_does_not_fit(name) -> None:
    network, every = NETWORKS[name], table(name)["ecp5"]
    for column, kind in enumerate(KINDS):
        least = int(every[:, column].min())
        if least:
            with pytest.raises(DoesNotFit, match=f"more than {least - 1:,};") as caught:
                fold_to_target(network, only(kind, least - 1))
            assert set(caught.value.lacks) == {kind}
            assert caught.value.lacks[kind] >= 1


def resnet(blocks: int, density: float = 1.0) -> Network:
    """As many layers, maps and pixels as ResNet-20 (3 blocks a stage) and ResNet-56 (9)."""
    rng = np.random.default_rng(0)
    layers: list[Layer] = [Input("x", (3, 32, 32)), conv(rng, "c", "x", (3, 16), bits=8)]
    source, inputs = "c", 16
    for outputs in (16, 32, 64):
        for block in range(blocks):
            name, wider = f"s{outputs}b{block}", inputs != outputs
            stride = (2, 2) if wider else (1, 1)
            options = {"bits": 8, "density": density, "by_kernel": True}
            pair = {"stride": stride, **options}
            layers.append(conv(rng, f"{name}a", source, (inputs, outputs), **pair))
            options |= {"signed": True}
            layers.append(conv(rng, f"{name}b", f"{name}a", (outputs, outputs), **options))
            if wider:
                options |= {"stride": stride, "padding": NO_PADDING}
                shortcut = conv(rng, f"{name}s", source, (inputs, outputs), (1, 1), **options)
                layers.append(shortcut)
                source = shortcut.name
            layers.append(Add(name, (f"{name}b", source), (40, 40), 6, bits=8))
            source, inputs = name, outputs
    layers.append(AvgPool("mean", source, (8, 8), (1, 1), 1, 6))
    layers.append(conv(rng, "fc", "mean", (64, 10), (1, 1), padding=NO_PADDING, raw=True))
    return Network(f"resnet{6 * blocks + 2}", tuple(layers))


def test_resnet20_is_folded_in_seconds() -> None:
    network, part = resnet(3), Resources.of(target("xc7a100t"))
    start = time.process_time()
    folding = fold_to_target(network, part)
    assert time.process_time() - start < 10  # three on an idle machine
    area = predict_area(network, folding, part.family)
    assert not part.lacks(area, multipliers(network, folding))
    assert area.dsp_cells > 0.9 * target("xc7a100t").dsp_cells
    alone = fold_to_target(network, part, cycles=predict_interval(network, folding))
    assert predict_interval(network, alone) <= predict_interval(network, folding)


def test_a_network_that_does_not_fit_says_why() -> None:
    network = resnet(1)
    smallest = {layer.name: Fold(1) for layer in network.layers if not isinstance(layer, Add)}
    taken = amounts(network, smallest, "ecp5")
    bounds = Resources("bounds", luts=int(0.9 * taken["luts"]), block_rams=10)
    luts, more = int(taken["luts"]) - int(0.9 * taken["luts"]), int(taken["block_rams"]) - 10
    sentence = (
        f"network 'resnet8' does not fit bounds: with one multiplier a layer it takes "
        f"{more + 10} block RAMs, {more} more than 10 (and {luts} LUTs too many); "
        "layer 's64b0b' takes the most of them, "
    )
    with pytest.raises(DoesNotFit, match=f"^{re.escape(sentence)}") as caught:
        fold_to_target(network, bounds)
    assert caught.value.lacks == {"luts": luts, "block_rams": more}


def fewer(network: Network, ratio: float) -> Network:
    """One layer with a part of its outputs."""
    kept = max(round((1 - ratio) * 40), 1)
    layer = conv(np.random.default_rng(0), "a", "x", (8, kept), weight_bits=8)
    return Network(network.name, (network.layers[0], layer))


def test_what_pruning_would_fit_is_found_by_predicting_it() -> None:
    network = fewer(Network("net", fewer_layers()), 0)
    smallest = {"x": Fold(1), "a": Fold(1)}
    needed = [
        (ratio / 20, amounts(fewer(network, ratio / 20), smallest, "ecp5")["block_rams"])
        for ratio in range(20)
    ]
    for most in {many for _, many in needed[1:]}:
        bounds = Resources(block_rams=int(most))
        least = next(ratio for ratio, many in needed if many <= most)
        if least:
            assert ratio_that_fits(network, bounds, None, fewer) == least
            sentence = f"; with {least:.0%} pruned, {1 - least:.0%} left, it fits$"
            with pytest.raises(DoesNotFit, match=sentence):
                fold_to_target(network, bounds, prune=fewer)
    with pytest.raises(DoesNotFit, match=r"; no pruning up to 95% makes it fit$"):
        fold_to_target(network, Resources(luts=10), prune=fewer)


def fewer_layers() -> tuple[Layer, ...]:
    return Input("x", (8, 8, 8)), conv(np.random.default_rng(0), "a", "x", (8, 40))


def test_cycles_that_nothing_that_fits_reaches() -> None:
    network, every = NETWORKS["wide"], table("wide")["ecp5"]
    most = int(every[:, 0].min())
    interval = int(every[every[:, 0] <= most, 5].min())
    bounds = Resources("few", luts=most)
    sentence = (
        f"network 'wide' does not fit few within {interval - 1} cycles a frame: "
        f"the fastest fold that fits takes {interval}"
    )
    with pytest.raises(DoesNotFit, match=f"^{sentence}$"):
        fold_to_target(network, bounds, cycles=interval - 1)


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^luts must be at least 0, not -1$"):
        Resources(luts=-1)
    with pytest.raises(ValueError, match=r"^family must be one of ecp5, .*, not 'spartan'$"):
        Resources(family="spartan")
    with pytest.raises(ValueError, match=r"^share must be above 0 and at most 1, not 1.5$"):
        Resources.of(target("ecp5-25k"), 1.5)
    with pytest.raises(ValueError, match=r"^cycles must be at least 1, not 0$"):
        fold_to_target(NETWORKS["wide"], Resources(), cycles=0)


def test_a_share_of_a_part_is_left_for_routing() -> None:
    part, bounds = target("ecp5-25k"), Resources.of(target("ecp5-25k"), 0.5)
    assert bounds.limits == {
        "luts": part.luts // 2,
        "flip_flops": part.flip_flops // 2,
        "dsp_cells": part.dsp_cells,
        "block_rams": part.block_rams,
    }
    assert "luts" not in bounds.without(["luts"]).limits
