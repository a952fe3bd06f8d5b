import numpy as np
import pytest

from hw.area import KINDS, coefficients, count, predict_area
from hw.area_parts import sum_bits
from hw.families import FAMILIES
from hw.fold import Fold
from hw.layers import AvgPool, Input, MaxPool
from hw.network import Network
from hw.parts.lanes import sum_shape
from tests.hw.networks import conv, layer_plan


def network(density: float = 1.0) -> Network:
    rng = np.random.default_rng(0)
    layer = conv(rng, channels=(4, 8), density=density, bits=8)
    return Network("net", (Input("x", (4, 8, 8)), layer))


@pytest.mark.parametrize("family", FAMILIES)
def test_coefficients_are_those_that_are_counted(family):
    assert {kind: set(worth) for kind, worth in coefficients()[family].items()} == {
        kind: set(names) for kind, names in KINDS.items()
    }
    assert all(each >= 0 for worth in coefficients()[family].values() for each in worth.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_more_multipliers_take_more_area(family):
    folds = [Fold(1), Fold(2), Fold(4), Fold(4, 2), Fold(4, 2, 2), Fold(8, 4, 2)]
    areas = [predict_area(network(), {"x": Fold(1), "conv": fold}, family) for fold in folds]
    for key in ("luts", "flip_flops"):
        found = [getattr(area, key) for area in areas]
        assert found == sorted(set(found))
    least = {"ecp5": 1, "ice40": 1, "xilinx7": 1, "gowin": 0.5, "ice40hx": 0}[family]
    for fold, area in zip(folds, areas, strict=True):
        assert area.dsp_cells >= least * fold.multipliers


@pytest.mark.parametrize("family", FAMILIES)
def test_pruning_takes_no_more_area_at_one_fold(family):
    folding = {"x": Fold(1), "conv": Fold(2, 2)}
    dense, pruned = (predict_area(network(d), folding, family) for d in (1.0, 0.3))
    # A memory that is only read becomes LUTs where it has fewer bits than a block RAM is worth.
    assert pruned.luts + 150 * pruned.block_rams < dense.luts + 150 * dense.block_rams
    assert pruned.dsp_cells == dense.dsp_cells


@pytest.mark.parametrize("weight_bits", [2, 5, 8])
def test_width_of_sums_is_that_of_the_hardware(weight_bits):
    rng = np.random.default_rng(weight_bits)
    layers = (
        conv(rng, density=0.5, weight_bits=weight_bits),
        MaxPool("conv", "x", (2, 2), (2, 2)),
    )
    for layer in layers:
        plan = layer_plan(layer, (3, 6, 6), Fold(2), signed=True)
        assert sum_bits(plan) == sum_shape(plan).width


def test_every_kind_of_layer_is_counted():
    rng = np.random.default_rng(0)
    layers = (
        Input("x", (2, 8, 8), offset=(3, 4)),
        conv(rng, channels=(2, 4)),
        MaxPool("max", "conv", (2, 2), (2, 2)),
        AvgPool("average", "max", (2, 2), (2, 2), 5, 4),
    )
    folding = {layer.name: Fold(2) for layer in layers}
    counts = count(Network("net", layers), folding, "ecp5")
    assert counts["layers"] == 3
    assert counts["maxima"] == 2 * 8
    # Two for the products, two of 18 + 2 bits or less to scale the sums; an average has none.
    assert counts["dsp_cells"] >= 4


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match=r"^family must be one of ecp5, .*, not 'spartan'$"):
        predict_area(network(), {"x": Fold(1), "conv": Fold(1)}, "spartan")
