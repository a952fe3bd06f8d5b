import pytest

from reports.yosys import FLOWS, Area, counted, synthesise
from sim.tools import ToolError

DESIGN = """
module inner(input clk, input [7:0] a, input [7:0] b, output reg [15:0] o);
  always @(posedge clk) o <= a * b;
endmodule
module \\top.twice (input clk, input [7:0] a, input [7:0] b, input [9:0] at, input we,
    output [15:0] o, output [15:0] p, output reg [17:0] q);
  reg [17:0] memory [0:1023];
  inner x(.clk(clk), .a(a), .b(b), .o(o));
  inner y(.clk(clk), .a(b), .b(~a), .o(p));
  always @(posedge clk) begin
    q <= memory[at];
    if (we) memory[at] <= {a, b, 2'b0};
  end
endmodule
"""


@pytest.fixture
def verilog(tmp_path):
    path = tmp_path / "a file.v"
    path.write_text(DESIGN, encoding="utf-8")
    return path


def test_counts_are_those_of_the_design(verilog):
    area = synthesise(verilog, r"\top.twice", seconds=120)
    assert area.dsp_cells == 2
    assert area.flip_flops == 32
    assert area.block_rams == 1
    assert area.memory_bits == 18 * 1024


def test_memories_may_be_files_beside_it(verilog):
    """A ROM takes a block; one of zeros takes nothing."""
    words = [f"{7 * n % 512:03x}\n" for n in range(1024)]
    rom = """
module rom(input clk, input [9:0] at, output reg [8:0] q);
  reg [8:0] memory [0:1023];
  initial $readmemh("words.mem", memory);
  always @(posedge clk) q <= memory[at];
endmodule
"""
    verilog.write_text(rom, encoding="utf-8")
    verilog.with_name("words.mem").write_text("".join(words), encoding="ascii")
    area = synthesise(verilog, "rom", seconds=120)
    assert (area.block_rams, area.luts) == (1, 0)
    verilog.with_name("words.mem").write_text("000\n" * 1024, encoding="ascii")
    assert synthesise(verilog, "rom", seconds=120).block_rams == 0


def test_luts_are_weighted():
    area = Area({"LUT4": 5, "CCU2C": 3, "TRELLIS_DPR16X4": 2, "TRELLIS_FF": 9}, 0)
    assert (area.luts, area.flip_flops, area.dsp_cells, area.block_rams) == (19, 9, 0, 0)


@pytest.mark.parametrize(
    ("family", "dsp_cells", "block_rams"),
    [("ice40", 2, 5), ("ice40hx", 0, 5), ("xilinx7", 2, 1), ("gowin", 1, 1)],
)
def test_counts_of_other_families(verilog, family, dsp_cells, block_rams):
    """Two 8x8 products are one Gowin multiplier of 18x18; 18 kbit are 4.5 blocks of iCE40."""
    area = synthesise(verilog, r"\top.twice", seconds=300, family=family)
    assert (area.dsp_cells, area.block_rams) == (dsp_cells, block_rams)
    assert (area.luts > 100) == (family == "ice40hx")


def test_cells_of_other_families_are_weighted():
    cells = {
        "LUT6": 3,
        "RAM32M": 2,
        "CARRY4": 9,
        "FDRE": 4,
        "FDSE": 1,
        "RAMB36E1": 2,
        "RAMB18E1": 1,
    }
    area = Area(cells, 0, "xilinx7")
    assert (area.luts, area.flip_flops, area.dsp_cells, area.block_rams) == (11, 5, 0, 5)
    area = Area({"LUT4": 1, "ALU": 2, "RAM16SDP4": 1, "MULT9X9": 3, "DFFRE": 2}, 0, "gowin")
    assert (area.luts, area.flip_flops, area.dsp_cells, area.block_rams) == (7, 2, 2, 0)
    area = Area({"SB_LUT4": 5, "SB_CARRY": 4, "SB_DFFESR": 3, "SB_RAM40_4KNR": 1}, 0, "ice40")
    assert (area.luts, area.flip_flops, area.dsp_cells, area.block_rams) == (5, 3, 0, 1)


def test_types_that_count_say_what_one_does():
    cells = {"FDRE", "LUT2", "RAM64M", "CARRY4", "LUT7"}
    assert counted(FLOWS["xilinx7"].luts, cells) == {"LUT2": 1, "RAM64M": 4}


def test_a_failing_tool_is_named(verilog):
    with pytest.raises(ToolError, match="Yosys failed: ERROR: Module `nothing' not found"):
        synthesise(verilog, "nothing")


def test_a_slow_tool_is_stopped(verilog):
    with pytest.raises(ToolError, match=r"Yosys must end within 0\.01 s, but did not"):
        synthesise(verilog, r"\top.twice", seconds=0.01)
