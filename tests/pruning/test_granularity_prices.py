from fractions import Fraction

import pytest

from hw.fold import Fold
from pruning.allocation import example_of, uniform
from pruning.budget import Budget
from pruning.constraints import Constraints
from pruning.data import DataSet
from pruning.granularity_prices import Row, granularity_prices
from pruning.models import Model, graph_macs, model_of
from pruning.price import Build, Hardware, nominal
from pruning.zoo import build

VARIANTS = {
    "feature-map": ("feature-map", Constraints()),
    "kernel-group": ("kernel-group", Constraints()),
    "kernel": ("kernel", Constraints()),
    "weight": ("weight", Constraints()),
}


@pytest.fixture(scope="module")
def model(digits: DataSet) -> Model:
    return model_of(build("chain", 1, widths=(8, 16, 16)), digits.pixels)


@pytest.fixture(scope="module")
def rows(model: Model) -> dict[str, Row]:
    return granularity_prices(model, 0.5, multipliers=24, cycles=3000, variants=VARIANTS)


def test_rows_are_prices_of_prunings_to_the_same_macs(model: Model, rows: dict[str, Row]):
    assert list(rows) == ["dense", *VARIANTS]
    assert rows["dense"].macs == model.macs
    dense = Build(multipliers=24)(nominal(model.module.graph, model.pixels))
    assert dense is not None
    assert (rows["dense"].cycles, rows["dense"].luts) == (dense.cycles, dense.area.luts)
    assert rows["dense"].memory_bits == dense.cost.memory_bits
    paced = Build(cycles=3000)(nominal(model.module.graph, model.pixels))
    assert paced is not None
    assert rows["dense"].multipliers == paced.multipliers
    for name in VARIANTS:
        assert 0.44 * model.macs < rows[name].macs <= 0.5 * model.macs
        assert rows[name].cycles < 0.6 * rows["dense"].cycles
        assert (rows[name].multipliers or 0) < 0.7 * paced.multipliers


def test_prices_differ_where_multiply_adds_do_not(rows: dict[str, Row]):
    maps, groups, kernels, weights = (rows[name] for name in VARIANTS)
    assert groups.macs == pytest.approx(kernels.macs, rel=0.04)
    assert weights.macs == pytest.approx(kernels.macs, rel=0.04)
    assert maps.index_bits < groups.index_bits < kernels.index_bits < weights.index_bits
    assert maps.memory_bits < groups.memory_bits < kernels.memory_bits < weights.memory_bits
    assert maps.cycles < groups.cycles < kernels.cycles < weights.cycles
    assert maps.luts < groups.luts < min(kernels.luts, weights.luts)


def test_outputs_in_lockstep_walk_the_union_of_their_masks(model: Model):
    """Of a mask that they share they walk no more; how many kernels each has does not matter."""
    graph = model.module.graph
    shares = {name: Fraction(1, 2) for name in ("conv2", "conv3")}

    def cycles(granularity: str, fold: Fold, *, balanced: bool = False) -> tuple[int, int]:
        constraints = Constraints(balanced=balanced)
        network = nominal(example_of(graph, granularity, shares, constraints), model.pixels)
        folding = {layer.name: Fold(1) for layer in network.layers if layer.inputs}
        hardware = Hardware(network, folding | dict.fromkeys(shares, fold))
        return network.macs, hardware.cycles

    lockstep, apart = Fold(1, G=4), Fold(1, R=4)
    macs, kernels = cycles("kernel", lockstep)
    same_macs, groups = cycles("kernel-group", lockstep)
    assert macs == same_macs
    assert groups < 0.7 * kernels
    assert cycles("kernel", apart)[1] < 0.7 * kernels  # sequencers share any lists
    assert cycles("kernel", apart, balanced=True) == cycles("kernel", apart)


def test_a_budget_of_hardware_takes_more_from_the_dearer_granularity(model: Model):
    """Of multiply-adds both may keep as many; of memory, weights far fewer than maps."""
    graph = model.module.graph

    def macs(granularity: str, text: str) -> int:
        budget = Budget.parse(text)
        price = budget.price(model.pixels)
        shares = uniform(graph, granularity, price, budget.limit(price(graph)))
        return graph_macs(example_of(graph, granularity, shares))

    half = [macs(granularity, "macs=0.6") for granularity in ("feature-map", "kernel")]
    assert half[0] == pytest.approx(half[1], rel=0.1)
    memory = [macs(g, "memory=0.8 with multipliers=24") for g in ("feature-map", "kernel")]
    assert memory[0] > 1.3 * memory[1]
