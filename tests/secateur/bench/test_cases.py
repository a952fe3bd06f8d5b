from dataclasses import replace

import numpy as np
import pytest

from hw.layers import Conv
from secateur.bench.cases import BUDGETS, GROUP, SCALES, SHAPES, VARIANTS, Case, network, pictures

MACS = {"L1": 112_896, "L2": 903_168, "L3": 442_368, "L4": 2_359_296, "L5": 1_179_648}


@pytest.mark.parametrize(("layer", "macs"), MACS.items())
def test_dense_layers_are_those_of_the_table(layer, macs):
    assert network(layer, "dense").macs == macs


@pytest.mark.parametrize("layer", SHAPES)
def test_half_is_pruned(layer):
    dense = network(layer, "dense").macs
    assert network(layer, "kernels").macs == dense // 2
    assert network(layer, "groups").macs == dense // 2
    grid = 5 / 9 if SHAPES[layer].inputs == 1 else 14 / 27 if layer == "L3" else 1 / 2
    assert network(layer, "grid").macs == pytest.approx(grid * dense)
    fewer = {"L1": 1 / 2, "L3": 1 / 6}.get(layer, 1 / 4)
    assert network(layer, "channels").macs == pytest.approx(fewer * dense)


@pytest.mark.parametrize("layer", SHAPES)
def test_scales_are_one_shift_or_multipliers(layer):
    """And both bring the sums to the same size, but for a factor of less than two."""
    means = []
    for scales in SCALES:
        net = Case(layer, "dense", 36, scales).network
        conv = net.layers[1]
        assert isinstance(conv, Conv)
        assert conv.multiplier is not None
        assert conv.shift is not None
        ones = len(set(conv.shift.tolist())) == 1 and set(conv.multiplier.tolist()) == {1}
        assert ones == (scales == "shift")
        (result,) = net.compute(pictures(net, 1)).values()
        means.append(result.mean())
    assert 0.5 < means[0] / means[1] < 2


def survivors(layer, variant):
    conv = network(layer, variant).layers[1]
    assert isinstance(conv, Conv)
    return conv.survivors


def test_the_grid_shifts_with_the_input_channel():
    flat = survivors("L2", "grid").reshape(32, 16, 9)
    assert np.array_equal(np.flatnonzero(flat[0, 0]), [0, 2, 4, 6, 8])
    assert np.array_equal(np.flatnonzero(flat[0, 1]), [1, 3, 5, 7])
    assert (flat == flat[0]).all()


def test_outputs_of_a_group_share_their_mask():
    mask = survivors("L4", "groups").reshape(-1, GROUP, 16, 9)
    assert (mask == mask[:, :1]).all()
    assert not (mask == mask[0]).all()


@pytest.mark.parametrize("variant", VARIANTS)
def test_results_use_their_range_and_are_the_same_every_time(variant):
    net = network("L4", variant)
    frames = pictures(net, 2)
    (result,) = net.compute(frames).values()
    assert ((result > 0) & (result < 255)).mean() > 0.2
    (again,) = network("L4", variant).compute(pictures(net, 2)).values()
    assert np.array_equal(result, again)


def test_names_are_identifiers_of_their_own():
    cases = [Case(*key) for key in ((x, y, z) for x in SHAPES for y in VARIANTS for z in BUDGETS)]
    made = [replace(cases[0], scales="shift"), replace(cases[0], cells="xilinx7")]
    cases += [*made, replace(made[0], cells="xilinx7")]
    assert len({case.name for case in cases}) == len(cases) == 63
    assert all(case.name.isidentifier() for case in cases)
    assert Case("L1", "grid", 36).dense == Case("L1", "dense", 36)
