"""Netlists of cells, and forms of the engine that only synthesis maps, in one Verilator model."""

import json
from pathlib import Path

import numpy as np
import pytest

from hw.cells.named import named
from hw.layers import Conv, Input, MaxPool
from hw.network import Network
from hw.plan import Fold, Folding
from hw.verilog import emit
from reports.netlist import FAMILIES, write_netlist
from secateur.files import DesignFolder
from secateur.netlists import as_netlist
from sim.runner import Design, Result, simulate
from sim.tools import ToolError

MODELS = Path(__file__).parents[2] / "sim" / "verilog"


def small() -> tuple[Network, Folding]:
    """Two convolutions with pooling between them, of any weights."""
    rng = np.random.default_rng(0)

    def conv(name: str, source: str, shape: tuple[int, ...], multiplier: int, **rest) -> Conv:
        weight = rng.integers(-8, 8, shape)
        outputs, bias = shape[0], rng.integers(-100, 101, shape[0])
        scale, shift = np.full(outputs, multiplier), np.full(outputs, 6 if multiplier == 1 else 16)
        return Conv(name, source, weight, bias, scale, shift, **rest)

    first = conv("conv1", "x", (4, 2, 3, 3), 1, padding=(1, 1, 1, 1))
    last = conv("conv2", "pool", (3, 4, 3, 3), 777)
    layers = (Input("x", (2, 6, 6), bits=4), first, MaxPool("pool", "conv1"), last)
    folding = {"conv1": Fold(2, 2, 1, 1), "pool": Fold(1, 1), "conv2": Fold(1, 1, 2)}
    return Network("small", layers), folding


def products() -> tuple[Network, Folding]:
    """One tap for each of all weights, on two lanes: all products of one pixel in each frame."""
    weight = np.arange(-128, 128).reshape(256, 1, 1, 1)
    conv = Conv("products", "x", weight, np.zeros(256, int))
    return Network("products", (Input("x", (1, 1, 2)), conv)), {"products": Fold(2, 1)}


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> dict[str, tuple[Result, dict]]:
    folder = tmp_path_factory.mktemp("netlists")
    designs, cycles = [], {}
    rng = np.random.default_rng(1)

    def put(name: str, network: Network, made: Path, frames: np.ndarray) -> None:
        designs.append(Design(name, made, frames, network.compute(frames)))
        cycles[name] = json.loads((made / "top.json").read_text())["cycles"]

    network, folding = small()
    frames = rng.integers(0, 16, (8, 2, 6, 6))
    for cells in ("portable", "ecp5"):
        rtl = emit(network, folding, folder / cells, top=cells, cells=named(cells))
        made = as_netlist(DesignFolder(rtl), "ecp5")
        put(cells, network, made.path, frames)
    network, folding = products()
    pixels = np.stack([np.arange(256), rng.permutation(256)], axis=1).reshape(256, 1, 1, 2)
    for cells in ("xilinx7", "xilinx7_packed"):
        rtl = emit(network, folding, folder / cells, top=cells, cells=named(cells))
        put(cells, network, rtl, pixels)
    found = simulate(designs, folder / "build")
    return {result.name: (result, cycles[result.name]) for result in found}


@pytest.mark.rtl
@pytest.mark.parametrize("name", ["portable", "ecp5", "xilinx7", "xilinx7_packed"])
def test_cells_compute_the_network_in_the_cycles_predicted(results, name) -> None:
    result, cycles = results[name]
    assert result.ok
    assert result.mismatches == 0
    assert {"interval": result.interval, "latency": result.latency} == cycles


def test_families_have_models() -> None:
    assert all((MODELS / family).is_dir() for family in FAMILIES)


def test_verilog_that_synthesis_refuses(tmp_path) -> None:
    (tmp_path / "top.v").write_text("module top (output x); nothing inner (x); endmodule\n")
    with pytest.raises(ToolError, match=r"^Yosys failed: ERROR: Module .*nothing.*"):
        write_netlist(tmp_path / "top.v", tmp_path / "netlist.v", "top")
    assert not (tmp_path / "netlist.v").exists()
