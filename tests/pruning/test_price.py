from fractions import Fraction

import pytest

from hw.cost import predict
from pruning import zoo
from pruning.data import DataSet, Pixels
from pruning.example_masks import strongest
from pruning.granularities import GRANULARITIES, units
from pruning.graph import Graph
from pruning.importing import lowered
from pruning.masks import pruned
from pruning.models import Model, model_of
from pruning.price import Build, Hardware, Integers, nominal
from pruning.quantise import quantise

# Biases of nominal scales are as wide as those of real ones within some bits, of logic as well.
SOME_LUTS = 0.03


def half(model: Model, granularity: str) -> Graph:
    found = model.module.graph
    chosen = units(found, granularity, Fraction(1, 2))
    return pruned(found, chosen, strongest(found, chosen))


def bits(hardware: Hardware, *, biases: bool) -> int:
    memories = [plan.memory_bits for plan in hardware.plans]
    return sum(n for m in memories for name, n in m.items() if biases == (name == "requantise"))


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("folds", [Build(multipliers=20), Build(cycles=1500)])
def test_prices_without_pictures_are_those_of_the_quantised_model(
    trained: Model, digits: DataSet, granularity: str, folds: Build
):
    small = half(trained, granularity)
    real = quantise(lowered(small, digits.pixels), digits.validation.images)
    expected, found = folds(real), folds(nominal(small, digits.pixels))
    assert expected is not None
    assert found is not None
    assert found.folding == expected.folding
    for name in ("cycles", "latency", "multipliers", "index_bits"):
        assert getattr(found, name) == getattr(expected, name)
    assert bits(found, biases=False) == bits(expected, biases=False)
    assert bits(found, biases=True) == pytest.approx(bits(expected, biases=True), rel=0.1)
    assert found.area.luts == pytest.approx(expected.area.luts, rel=SOME_LUTS)
    assert found.area.block_rams == pytest.approx(expected.area.block_rams, abs=1)


def test_prices_of_narrow_numbers_are_those_of_the_model_quantised_to_them(
    trained: Model, digits: DataSet
):
    small, folds = half(trained, "kernel"), Build(multipliers=20)
    layers, images = lowered(small, digits.pixels), digits.validation.images
    expected = folds(quantise(layers, images, weight_bits=4, activation_bits=5))
    found = folds(nominal(small, digits.pixels, Integers(4, 5)))
    wide = folds(nominal(small, digits.pixels))
    assert expected is not None
    assert found is not None
    assert wide is not None
    assert bits(found, biases=False) == bits(expected, biases=False) < bits(wide, biases=False)


def test_a_model_with_branches_has_a_price_without_pictures():
    model = model_of(zoo.build("resnet8", 0), Pixels((3, 32, 32), 8, (1.0, 1.0, 1.0)))
    hardware = Build(multipliers=40)(nominal(model.module.graph, model.pixels))
    assert hardware is not None
    cost = predict(hardware.network, hardware.folding)
    assert hardware.network.macs == model.macs
    assert hardware.network.parameters == model.parameters
    assert hardware.cycles == cost.interval
    assert hardware.multipliers == cost.multipliers <= 40
    assert hardware.memory_bits == cost.memory_bits > hardware.index_bits > 0


def test_builds_keep_what_they_are_given(trained: Model, digits: DataSet):
    network = nominal(trained.module.graph, digits.pixels)
    fast, paced, least = (
        build(network) for build in (Build(multipliers=30), Build(cycles=2000), Build())
    )
    assert fast is not None
    assert paced is not None
    assert least is not None
    assert fast.multipliers <= 30
    assert paced.cycles <= 2000
    assert least.multipliers == 4  # three convolutions and a linear layer
    assert fast.cycles < least.cycles
    fitting = Build(part="ecp5-25k")(network)
    assert fitting is not None
    assert fitting.area.luts <= 0.9 * 24288
    assert fitting.area.dsp_cells <= 28
    assert Build(cycles=1)(network) is None
    large = model_of(zoo.build("chain", 0, widths=(32, 64, 64)), digits.pixels)
    assert Build(part="ice40-up5k")(nominal(large.module.graph, large.pixels)) is None
    with pytest.raises(ValueError, match=r"^multipliers must be at least 4, one for each layer"):
        Build(multipliers=3)(network)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"multipliers": 0}, r"^multipliers must be at least 1, not 0$"),
        ({"cycles": -1}, r"^cycles must be at least 1, not -1$"),
        ({"multipliers": 2, "cycles": 2}, r"^multipliers and cycles must not both be given"),
        ({"part": "ecp6"}, r"^part must be one of ecp5, .*gw2a-18, not 'ecp6'$"),
    ],
)
def test_wrong_builds_are_refused(given: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Build(**given)
