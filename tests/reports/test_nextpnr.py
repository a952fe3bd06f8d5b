import pytest

from reports.nextpnr import fmax
from sim.tools import ToolError

COUNTER = """\
module counter (input aclk, output reg [7:0] count);
  always @(posedge aclk) count <= count + 1;
endmodule
"""


@pytest.mark.rtl
def test_a_counter_has_a_clock(tmp_path):
    path = tmp_path / "counter.v"
    path.write_text(COUNTER, encoding="utf-8")
    assert 150 < fmax(path, "counter", seconds=300) < 1000


def test_damaged_verilog_is_refused(tmp_path):
    path = tmp_path / "counter.v"
    path.write_text("module counter (", encoding="utf-8")
    with pytest.raises(ToolError, match="Yosys failed"):
        fmax(path, "counter", seconds=60)
