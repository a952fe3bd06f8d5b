import pytest

from pruning.allocation import example_of, uniform
from pruning.budget import Budget
from pruning.constraints import Constraints
from pruning.data import DataSet
from pruning.granularity_prices import Row, granularity_prices
from pruning.models import Model, graph_macs, model_of
from pruning.price import Build, nominal
from pruning.zoo import build

SHAPED = {
    "feature-map": ("feature-map", Constraints()),
    "kernel": ("kernel", Constraints()),
    "kernel-group": ("kernel-group", Constraints()),
    "balanced groups": ("kernel-group", Constraints(balanced=True)),
    "weight": ("weight", Constraints()),
}


@pytest.fixture(scope="module")
def model(digits: DataSet) -> Model:
    return model_of(build("chain", 1, widths=(16, 32, 32)), digits.pixels)


@pytest.fixture(scope="module")
def rows(model: Model) -> dict[str, Row]:
    return granularity_prices(model, 0.5, multipliers=48, cycles=4400, variants=SHAPED)


def test_rows_are_prices_of_prunings_to_the_same_macs(model: Model, rows: dict[str, Row]):
    assert list(rows) == ["dense", *SHAPED]
    assert rows["dense"].macs == model.macs
    dense = Build(multipliers=48)(nominal(model.module.graph, model.pixels))
    assert dense is not None
    assert (rows["dense"].cycles, rows["dense"].luts) == (dense.cycles, dense.area.luts)
    assert rows["dense"].memory_bits == dense.cost.memory_bits
    for name in SHAPED:
        assert 0.46 * model.macs < rows[name].macs <= 0.5 * model.macs
        assert rows[name].cycles < 0.6 * rows["dense"].cycles
        assert rows[name].multipliers < 0.7 * rows["dense"].multipliers


def test_prices_differ_where_multiply_adds_do_not(rows: dict[str, Row]):
    assert rows["feature-map"].memory_bits < rows["dense"].memory_bits / 2
    assert rows["feature-map"].memory_bits < rows["kernel"].memory_bits / 2
    assert rows["weight"].memory_bits > rows["dense"].memory_bits  # copies, and the index
    assert rows["feature-map"].index_bits < rows["kernel"].index_bits < rows["weight"].index_bits
    assert rows["feature-map"].luts < rows["dense"].luts < rows["weight"].luts
    assert rows["feature-map"].cycles < rows["weight"].cycles


def test_masks_that_outputs_share_are_cheaper_to_walk(rows: dict[str, Row]):
    """Outputs in lockstep walk the union of their taps: of a shared mask, no more than each."""
    shared, kernel, balanced = (rows[n] for n in ("kernel-group", "kernel", "balanced groups"))
    assert shared.macs == pytest.approx(kernel.macs, rel=0.02)
    assert shared.cycles <= kernel.cycles
    assert shared.index_bits < kernel.index_bits
    assert shared.memory_bits < kernel.memory_bits
    assert shared.luts < kernel.luts
    assert balanced.luts < shared.luts
    assert balanced.memory_bits < shared.memory_bits


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
    memory = [macs(g, "memory=0.8 with multipliers=48") for g in ("feature-map", "kernel")]
    assert memory[0] > 1.3 * memory[1]
