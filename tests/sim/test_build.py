import pytest

from sim.build import build
from sim.tools import ToolError
from sim.top import Port, Top

STREAM = ((1, 1, 1), 8, False, 1, 1)
TOP = Top("net", "aclk", "aresetn", Port("s_axis", *STREAM), (Port("m_axis", *STREAM),), 1, 1)


def test_verilog_that_is_refused(tmp_path) -> None:
    source = tmp_path / "top.v"
    source.write_text("module net (input aclk, output reg odd);\nalways_latch if (aclk) x = 1;\n")
    with pytest.raises(ToolError, match=r"(?s)^Verilator must build the Verilog.*%Error"):
        build({"net": TOP}, [source], tmp_path / "build")
    assert list((tmp_path / "build").iterdir()) == []


@pytest.mark.parametrize("module", ["bench", "axis_monitor"])
def test_module_that_is_the_bench_s_own(tmp_path, module) -> None:
    source = tmp_path / "top.v"
    source.write_text(f"module net ();\nendmodule\nmodule {module} ();\nendmodule\n")
    with pytest.raises(ValueError, match=f"top.v: module {module} must have a name of its own$"):
        build({"net": TOP}, [source], tmp_path / "build")


def test_same_submodule_in_two_designs(tmp_path) -> None:
    sources = [tmp_path / "a.v", tmp_path / "b.v"]
    for source in sources:
        source.write_text("module \\net.layer (input aclk);\nendmodule\n")
    with pytest.raises(ValueError, match=r"b\.v: module \\net\.layer must have a name of its own$"):
        build({"net": TOP}, sources, tmp_path / "build")
