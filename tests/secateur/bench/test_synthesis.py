import pytest

from reports.yosys import Area
from secateur.bench import synthesis


@pytest.fixture
def calls(monkeypatch):
    """Tools that answer at once; the list says which were asked."""
    asked = []

    def synthesise(verilog, top, family, netlist):
        asked.append(f"{top} {family}")
        netlist.write_text(f"netlist of {top}", encoding="utf-8")
        return Area({"LUT4": 3, "CCU2C": 2, "TRELLIS_FF": 5}, 64, family)

    def place(netlist, seed):
        asked.append(f"{netlist.read_text(encoding='utf-8')}, seed {seed}")
        return 100.0 + seed**2

    monkeypatch.setattr("reports.yosys.synthesise", synthesise)
    monkeypatch.setattr("reports.nextpnr.place", place)
    return asked


@pytest.fixture
def verilog(tmp_path):
    path = tmp_path / "top.v"
    path.write_text("module a; endmodule\n", encoding="utf-8")
    return path


def test_the_same_content_is_measured_once(calls, verilog, tmp_path):
    cache = tmp_path / "cache"
    assert synthesis.known(verilog, cache) == synthesis.NOTHING
    first = synthesis.figures(verilog, "a", cache)
    assert first["cells"] == {"LUT4": 3, "CCU2C": 2, "TRELLIS_FF": 5}
    assert (first["luts"], first["lut4_equivalent"], first["carries"]) == (7, 7, 2)
    assert first["fmax_mhz"] is None
    assert synthesis.figures(verilog, "a", cache) == synthesis.known(verilog, cache) == first
    assert calls == ["a ecp5"]


def test_only_seeds_that_are_new_are_placed(calls, verilog, tmp_path):
    one = synthesis.figures(verilog, "a", tmp_path, seeds=(1,))
    assert (one["fmax_mhz"], one["fmax_of_seeds"]) == (101, [101])
    three = synthesis.figures(verilog, "a", tmp_path, seeds=(1, 2, 3))
    assert (three["fmax_mhz"], three["fmax_of_seeds"]) == (104, [101, 104, 109])
    assert calls[:2] == ["a ecp5", "netlist of a, seed 1"]
    assert calls[2:] == ["a ecp5", "netlist of a, seed 2", "netlist of a, seed 3"]
    assert synthesis.known(verilog, tmp_path, seeds=(3,))["fmax_mhz"] == 109
    assert len(calls) == 5


def test_another_content_family_or_tool_is_measured_again(calls, monkeypatch, verilog, tmp_path):
    synthesis.figures(verilog, "a", tmp_path)
    assert synthesis.figures(verilog, "a", tmp_path, "xilinx7")["lut4_equivalent"] is None
    verilog.write_text("module b; endmodule\n", encoding="utf-8")
    synthesis.figures(verilog, "b", tmp_path)
    assert calls == ["a ecp5", "a xilinx7", "b ecp5"]
    monkeypatch.setattr(synthesis, "versions", lambda: {"pyosys": "another"})
    synthesis.figures(verilog, "b", tmp_path)
    assert calls[3:] == ["b ecp5"]
