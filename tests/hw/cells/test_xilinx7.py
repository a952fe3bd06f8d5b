"""Cells of the 7 series: long lists of large weights, and what synthesis makes of them."""

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import Value

from hw.cells.named import named
from hw.cells.xilinx7_packed import Packing
from hw.layers import Conv, Input
from hw.network import Network
from hw.parts.lanes import MultiplyAdd
from hw.plan import Fold
from reports.yosys import synthesise
from tests.hw.networks import Case, conv, layer_plan
from tests.hw.pipeline import after_a_reset, check_rounds

CELLS = "xilinx7", "xilinx7_packed"


def steep(fold: Fold, bits: int = 8, signed: bool = False) -> Case:
    """One pixel of 60 channels at a time: outputs of the largest weights, of the least, of both."""
    rng = np.random.default_rng(0)
    weight = rng.choice([-128, -127, -1, 0, 1, 127], (6, 60, 1, 1))
    weight[0], weight[1], weight[2, ::2], weight[2, 1::2] = 127, -128, 127, -128
    bias = np.array([-(1 << 20), 1 << 20, 0, -1, 1 << 15, -(1 << 15)])
    layers = Input("x", (60, 1, 5), bits=bits, signed=signed), Conv("conv", "x", weight, bias)
    return Case(Network("steep", layers), {"x": Fold(1), "conv": fold})


def frames(case: Case) -> np.ndarray:
    """Largest pixels, least ones, both in turn from lane to lane, any."""
    stream, rng = case.network.input.stream, np.random.default_rng(1)
    made = rng.integers(stream.low, stream.high, (7, *stream.shape), endpoint=True)
    made[0], made[1] = stream.high, stream.low
    made[2, ..., ::2], made[2, ..., 1::2] = stream.high, stream.low
    made[3, ..., ::2], made[3, ..., 1::2] = stream.low, stream.high
    return made


@pytest.mark.parametrize("cells", CELLS)
@pytest.mark.parametrize("fold", [(2, 1, 1), (5, 3, 1), (3, 1, 4), (2, 4, 1, 2)])
def test_sums_of_large_products(cells, fold) -> None:
    case = steep(Fold(*fold))
    check_rounds(case, [(frames(case), "none", "none")], cells=named(cells))


@pytest.mark.parametrize("cells", CELLS)
@pytest.mark.parametrize("cycle", [1, 99, 300])
def test_sums_after_a_reset_begin_with_their_bias(cells, cycle) -> None:
    case = steep(Fold(2, 2))
    x = frames(case)[:2]
    found = after_a_reset(case, x, cycle, named(cells))
    np.testing.assert_array_equal(found, case.network.compute(x)["conv"])


@pytest.mark.parametrize(("bits", "signed"), [(9, False), (8, True), (3, False)])
def test_formats_that_do_not_share_or_leave_room(bits, signed) -> None:
    case = steep(Fold(2, 2), bits, signed)
    check_rounds(case, [(frames(case), "none", "none")], cells=named("xilinx7_packed"))


@pytest.mark.parametrize(
    ("bits", "signed", "weight_bits", "place"),
    [
        (8, False, 8, 16),
        (9, False, 6, 15),
        (9, False, 7, None),
        (8, True, 2, None),
        (2, False, 8, 22),
    ],
)
def test_place_of_the_upper_lane(bits, signed, weight_bits, place) -> None:
    layer = conv(np.random.default_rng(0), channels=(2, 2), weight_bits=weight_bits)
    plan = layer_plan(layer, (2, 4, 4), Fold(2), bits=bits, signed=signed)
    packing = Packing.of(plan)
    assert (packing and packing.place) == place


@pytest.mark.parametrize(("cells", "each"), [("xilinx7", 1), ("xilinx7_packed", 2)])
def test_no_product_is_added_in_the_fabric(cells, each, tmp_path) -> None:
    layer = conv(np.random.default_rng(0), channels=(16, 4))
    plan = layer_plan(layer, (16, 8, 8), Fold(4, 2))
    lanes, made_of = MultiplyAdd(plan), named(cells)
    ports = [Value.cast(value) for *_, value in lanes.signature.flatten(lanes)]
    (tmp_path / "lanes.v").write_text(
        verilog.convert(lanes, name="lanes", ports=ports, platform=made_of, emit_src=False)
    )
    area = synthesise(tmp_path / "lanes.v", "lanes", family=made_of.family)
    assert area.dsp_cells == 8 // each
    # Half a LUT a bit would be fewer than any adder of theirs takes.
    assert area.luts < 8 * plan.sum_bits / 2
