import re
from collections import Counter

import numpy as np
import pytest

from hw.area import KINDS, coefficients, count, predict_area
from hw.area_counts import Counts
from hw.area_parts import lanes_read
from hw.columns import Columns
from hw.families import FAMILIES
from hw.fold import Fold
from hw.layers import Activation, Add, AvgPool, Concat, Input, MaxPool
from hw.link import Link
from hw.network import Network
from hw.outputs import outputs_of
from hw.parts.lanes import sum_shape
from hw.plan import plan
from hw.verilog import emit
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
        assert plan.sum_bits == sum_shape(plan).width


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


def test_more_outputs_a_cycle_take_more_area():
    found = [
        predict_area(network(), {"x": Fold(2), "conv": Fold(2, 2, 2, streams)}, "ecp5")
        for streams in (1, 2, 4)
    ]
    for key in ("luts", "flip_flops", "dsp_cells"):
        values = [getattr(area, key) for area in found]
        assert values == sorted(set(values))


def branches(concat: bool, rng: np.random.Generator) -> Network:
    """Two convolutions side by side, and a pointwise one behind their concat, or sum."""
    form = {"scaled": False, "bits": 5}
    left = conv(rng, "left", channels=(4, 4), density=0.6, **form)
    right = conv(rng, "right", channels=(4, 4), density=1.0, **form)
    inner = conv(rng, "inner", "right", channels=(4, 4), kernel=(1, 1), **form)
    if concat:
        join = Concat("join", ("left", "inner"))
    else:
        join = Add("join", ("inner", "right"), (3, 5), 3)
    last = conv(rng, "last", "join", channels=(8 if concat else 4, 3), kernel=(1, 1), **form)
    layers = (Input("x", (4, 8, 8)), *((left,) if concat else ()), right, inner, join, last)
    return Network("net", layers)


def test_a_stream_that_carries_nothing_has_no_pixels_in_the_queue():
    columns, activation = Columns(4, 2), Activation((2, 4, 4), 5, False, 1.0, (0, 1))
    for streams, pixels in ((((0,), (1,)), 4), (((0, 1), (-1, -1)), 2)):
        link, counts = Link("x", activation, columns, streams), Counts(FAMILIES["ice40"])
        counts.fifo(link, 16, lanes=2)  # without memory of LUTs, of flip-flops
        places = 1 + 2 * (2 if link.gaps else 1)  # column, and the channel in each stream
        assert counts.counts["flip_flops"] == 16 * (places + 5 * pixels)


@pytest.mark.parametrize("streams", [1, 2])  # all streams carry something
@pytest.mark.parametrize("concat", [False, True])
@pytest.mark.parametrize("outputs", [("last",), ("right", "last")], ids=["one", "two"])
def test_memories_are_those_of_the_verilog(outputs, concat, streams, tmp_path, monkeypatch):
    net = branches(concat, np.random.default_rng(streams))
    net = Network(net.name, net.layers, outputs)
    fold = Fold(2, 2, 2, streams)
    folding = {layer.name: fold for layer in net.layers} | {"x": Fold(4)}
    folding |= {"left": Fold(4, 1, 1)} if concat else {}
    counted, memory = [], Counts.memory

    def record(self, made, copies=1):
        counted.extend([made] * copies)
        memory(self, made, copies)

    monkeypatch.setattr(Counts, "memory", record)
    count(net, folding, "ecp5")
    emit(net, folding, tmp_path)
    verilog = (tmp_path / "top.v").read_text()
    declared = re.findall(r"^ *reg \[(\d+):0\] (\w+) \[(\d+):0\];", verilog, re.MULTILINE)
    rams, coded = Counter(), Counter()
    for width, name, depth in declared:
        shape = int(depth) + 1, int(width) + 1
        rams[shape] += name.startswith(("row_buffer", "storage", "queue", "rows"))
        coded[shape] += name in ("entries", "patterns", "segments", "events")
    assert +rams == Counter((made.depth, made.width) for made in counted if made.parts)
    assert +coded <= Counter((made.depth, made.width) for made in counted if not made.parts)
    assert coded.total() >= len(net.layers) - 2


@pytest.mark.parametrize(("family", "lanes"), [("ice40", 3), ("ecp5", 4), ("xilinx7", 4)])
def test_lanes_without_columns_are_built_where_they_share_a_cell(family, lanes):
    """A row of five over four lanes leaves the last one without, from bit 21 of the pixels on."""
    layers = (
        Input("x", (2, 5, 5)),
        conv(np.random.default_rng(0), channels=(2, 8), bits=7),
        MaxPool("max", "conv", (2, 2), (1, 1)),
    )
    net, folding = Network("net", layers), {"x": Fold(1), "conv": Fold(4), "max": Fold(2)}
    plans = plan(net, folding)
    read = lanes_read(plans, outputs_of(net, folding, plans), FAMILIES[family])
    assert read["conv"] == set(range(lanes))
    assert read["max"] == {0, 1}


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match=r"^family must be one of ecp5, .*, not 'spartan'$"):
        predict_area(network(), {"x": Fold(1), "conv": Fold(1)}, "spartan")
