from fractions import Fraction

import pytest

from pruning.budget import Budget
from pruning.data import DataSet
from pruning.models import Model
from pruning.price import Build, nominal

TEXTS = {
    "macs=0.5": Budget("macs", 0.5),
    "parameters=1000": Budget("parameters", 1000),
    "cycles=20000 with multipliers=64": Budget("cycles", 20000, Build(multipliers=64)),
    "cycles=0.4 on ecp5-25k": Budget("cycles", 0.4, Build(part="ecp5-25k")),
    "multipliers=50 with cycles=9000": Budget("multipliers", 50, Build(cycles=9000)),
    "memory=300000": Budget("memory", 300000),
    "luts=0.25 on xc7a35t with cycles=9000": Budget("luts", 0.25, Build(None, 9000, "xc7a35t")),
}


@pytest.mark.parametrize("text", TEXTS)
def test_budgets_are_read_and_written(text: str):
    assert Budget.parse(text) == TEXTS[text]
    assert str(Budget.parse(f"  {text} ")) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("macs", r"^budget must be KIND=NUMBER .*, not 'macs'$"),
        ("macs=0.5.1", r"^budget must be KIND=NUMBER"),
        ("macs=.", r"^budget must be KIND=NUMBER"),
        ("macs=-1", r"^budget must be KIND=NUMBER"),
        ("cycles=5 with luts=3", r"^budget must be KIND=NUMBER"),
        ("flops=0.5", r"^budget must be of macs, parameters, cycles, .*, not 'flops'$"),
        ("macs=1.5", r"^macs must be a part above 0 and at most 1, or a whole number, not 1.5$"),
        ("macs=0.0", r"^macs must be a part above 0"),
        ("macs=0", r"^macs must be at least 1, not 0$"),
        ("macs=9 with cycles=3", r"^macs must be asked of no hardware"),
        ("cycles=9", r"^cycles must be asked with multipliers=N, or on a part$"),
        ("cycles=9 on ecp5", r"^cycles must be asked with multipliers=N, or on a part$"),
        ("multipliers=9", r"^multipliers must be asked with cycles=N$"),
        ("luts=9 on fpga", r"^part must be one of "),
    ],
)
def test_wrong_budgets_are_refused(text: str, message: str):
    with pytest.raises(ValueError, match=message):
        Budget.parse(text)


def test_limits_are_numbers_or_parts_of_the_whole():
    assert Budget("macs", 0.3).limit(1000) == 300
    assert Budget("macs", 0.1).limit(7) == Fraction(7, 10)  # not the binary number near 0.1
    assert Budget("macs", 300).limit(1000) == 300
    cycles = Build(cycles=9)
    assert Budget("multipliers", 30, cycles).limit(float("inf")) == 30
    with pytest.raises(ValueError, match=r"^budget multipliers=0.3 with cycles=9 must be a whole"):
        Budget("multipliers", 0.3, cycles).limit(float("inf"))


def test_prices_are_figures_of_the_hardware(trained: Model, digits: DataSet):
    graph, pixels = trained.module.graph, digits.pixels
    hardware = Build(multipliers=20)(nominal(graph, pixels))
    assert hardware is not None
    expected = {
        "cycles": hardware.cycles,
        "latency": hardware.cost.latency,
        "memory": hardware.cost.memory_bits,
        "luts": hardware.area.luts,
        "flip-flops": hardware.area.flip_flops,
        "dsp": hardware.area.dsp_cells,
        "block-rams": hardware.area.block_rams,
    }
    for kind, number in expected.items():
        assert Budget(kind, 1, Build(multipliers=20)).price(pixels)(graph) == number
    assert Budget("macs").price(pixels)(graph) == trained.macs
    assert Budget("parameters").price(pixels)(graph) == trained.parameters
    assert Budget("multipliers", 9, Build(cycles=1)).price(pixels)(graph) == float("inf")


def test_what_is_not_time_is_that_of_the_smallest_hardware_on_a_part(
    trained: Model, digits: DataSet
):
    graph, pixels = trained.module.graph, digits.pixels
    on_part = Budget.parse("luts=9 on ecp5-25k").price(pixels)(graph)
    assert on_part == Budget.parse("luts=9").price(pixels)(graph)
    assert on_part < Budget.parse("luts=9 with multipliers=40").price(pixels)(graph)


def test_proxies_see_what_one_layer_saves(trained: Model, digits: DataSet):
    graph, pixels = trained.module.graph, digits.pixels
    for text in ("cycles=9 with multipliers=20", "luts=9 with cycles=900", "macs=9"):
        assert Budget.parse(text).proxy(pixels)(graph) == trained.macs
    memory = Budget.parse("memory=9 with multipliers=20").proxy(pixels)(graph)
    assert memory == Budget.parse("memory=9").price(pixels)(graph)
