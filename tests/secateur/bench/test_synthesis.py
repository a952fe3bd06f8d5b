import pytest

from reports.yosys import Area
from secateur.bench import synthesis


@pytest.fixture
def calls(monkeypatch):
    """Tools that answer at once; the list says which were asked."""
    asked = []

    def synthesise(verilog, top):
        asked.append(top)
        return Area({"LUT4": 3, "CCU2C": 2, "TRELLIS_FF": 5}, 64)

    def fmax(verilog, top):
        asked.append("place")
        return 123.0

    monkeypatch.setattr("reports.yosys.synthesise", synthesise)
    monkeypatch.setattr("reports.nextpnr.fmax", fmax)
    return asked


def test_the_same_content_is_measured_once(calls, tmp_path):
    verilog = tmp_path / "top.v"
    verilog.write_text("module a; endmodule\n", encoding="utf-8")
    assert synthesis.known(verilog, tmp_path / "cache") == synthesis.NOTHING
    first = synthesis.figures(verilog, "a", tmp_path / "cache", place=False)
    assert first["lut4_equivalent"] == 7
    assert first["fmax_mhz"] is None
    assert synthesis.figures(verilog, "a", tmp_path / "cache", place=False) == first
    assert calls == ["a"]
    placed = synthesis.figures(verilog, "a", tmp_path / "cache", place=True)
    assert placed == first | {"fmax_mhz": 123.0}
    assert synthesis.known(verilog, tmp_path / "cache") == placed
    assert calls == ["a", "place"]


def test_another_content_is_measured_again(calls, tmp_path):
    verilog = tmp_path / "top.v"
    for name in ("a", "b"):
        verilog.write_text(f"module {name}; endmodule\n", encoding="utf-8")
        synthesis.figures(verilog, name, tmp_path, place=False)
    assert calls == ["a", "b"]
