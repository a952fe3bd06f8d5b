"""Area of a Verilog file on ECP5 and other families, by Yosys."""

import json
import math
import re
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from hw import mem_files
from reports.tools import run_python

TIME_LIMIT = 900.0

FLATTEN = "proc", "flatten", "rename -hide w:*"
RUN = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""


@dataclass(frozen=True)
class Flow:
    """How Yosys synthesises for a family, and what the cells that it then names are worth.

    Parameters
    ----------
    command : str
        Yosys' command.
    luts, flip_flops, dsp_cells, block_rams : dict of str to float
        Patterns of types of cells, each with what one such cell counts.
    """

    command: str
    luts: Mapping[str, float]
    flip_flops: Mapping[str, float]
    dsp_cells: Mapping[str, float]
    block_rams: Mapping[str, float]


_ICE40 = (
    {"SB_LUT4": 1},  # a carry lies in the cell of its LUT
    {r"SB_DFF\w*": 1},
    {"SB_MAC16": 1},
    {r"SB_RAM40_4K\w*": 1},
)
FLOWS = {
    "ecp5": Flow(
        "synth_ecp5",
        {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
        {"TRELLIS_FF": 1},
        {"MULT18X18D": 1},
        {"DP16KD|PDPW16KD": 1},
    ),
    "ice40": Flow("synth_ice40 -dsp", *_ICE40),
    "ice40hx": Flow("synth_ice40", *_ICE40),
    "xilinx7": Flow(
        "synth_xilinx -family xc7 -noiopad -noclkbuf",
        {"LUT[1-6]|INV|SRL16E|SRLC32E": 1, "RAM32M|RAM64M": 4, "RAM(32|64)X1D": 2},
        {"FD[RSCP]E": 1},
        {"DSP48E1": 1},
        {"RAMB18E1": 1, "RAMB36E1": 2},
    ),
    "gowin": Flow(
        "synth_gowin -noiopads",
        {"LUT[1-4]|ALU|INV": 1, "RAM16SDP4": 4, "RAM16SDP2": 2, "RAM16SDP1": 1},
        {r"DFF\w*": 1},
        {"MULT9X9": 0.5, "MULT18X18": 1, "MULT36X36": 4},
        {"(SP|SDP|DP|pROM)(X9)?B?": 1},
    ),
}


@dataclass(frozen=True)
class Area:
    """What a netlist is made of.

    Parameters
    ----------
    cells : dict of str to int
        Number of cells by type, as Yosys names them for the family.
    memory_bits : int
        Bits of all memories, read-only ones included, before they are mapped to cells.
    family : str
        One of `FLOWS`.
    """

    cells: dict[str, int]
    memory_bits: int
    family: str = "ecp5"

    @property
    def luts(self) -> int:
        """LUTs, and what takes their place; for ECP5 LUT4-equivalents.

        On ECP5 a CCU2C is two, a TRELLIS_DPR16X4 four. On iCE40 a carry lies in the cell of its
        LUT. On Xilinx 7 a RAM32M is four and carries are free; on Gowin an ALU takes a LUT.
        """
        return self._count(FLOWS[self.family].luts)

    @property
    def flip_flops(self) -> int:
        """Flip-flops outside DSP cells and block RAMs."""
        return self._count(FLOWS[self.family].flip_flops)

    @property
    def dsp_cells(self) -> int:
        """Multiplier cells, those that requantise included; on Gowin two MULT9X9 are one."""
        return self._count(FLOWS[self.family].dsp_cells)

    @property
    def block_rams(self) -> int:
        """Block RAMs of 18 kbit; of 4 kbit on iCE40."""
        return self._count(FLOWS[self.family].block_rams)

    def _count(self, worth: Mapping[str, float]) -> int:
        each = counted(worth, self.cells)
        return math.ceil(sum(each[cell] * self.cells[cell] for cell in each))


def counted(worth: Mapping[str, float], cells: Collection[str]) -> dict[str, float]:
    """Types of cells that count, and what one of each counts.

    Parameters
    ----------
    worth : dict of str to float
        Of a `Flow`, by patterns.
    cells : collection of str
        Types of cells.
    """
    return {
        cell: each
        for pattern, each in worth.items()
        for cell in cells
        if re.fullmatch(pattern, cell)
    }


def read(verilog: str, top: str) -> tuple[str, str]:
    """Commands of Yosys that read a design, which may have cells of a family."""
    return f"read_verilog {verilog}", f"hierarchy -top {top}"


def commands(family: str, top: str = "top") -> tuple[str, ...]:
    """Commands of Yosys that synthesise what was read."""
    return *FLATTEN, f"{FLOWS[family].command} -top {top}"


def synthesise(
    verilog: Path,
    top: str = "top",
    seconds: float = TIME_LIMIT,
    family: str = "ecp5",
    netlist: Path | None = None,
) -> Area:
    """Synthesise a Verilog file for a family of parts and count its cells.

    The names of inner nets are hidden first: ABC9 aborts on Amaranth's numbered ones.

    Parameters
    ----------
    verilog : path
        One file with every module; what it reads lies beside it.
    top : str
        Name of the top module.
    seconds : float
        Time limit.
    family : str
        One of `FLOWS`.
    netlist : path, optional
        Where the cells and their wires are written to, as JSON.

    Raises
    ------
    OSError
        If the file cannot be read.
    ToolError
        If Yosys fails or takes longer than the time limit.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copyfile(verilog, folder / "design.v")
        mem_files.copy(verilog, folder)
        steps = [
            *read("design.v", top),
            "tee -q -o before.json stat -json",
            *commands(family, top),
            "tee -q -o after.json stat -json",
        ]
        if netlist is not None:
            steps.append("write_json netlist.json")
        run_python(["-c", RUN, *steps], what="Yosys", seconds=seconds, folder=folder)
        if netlist is not None:
            shutil.move(folder / "netlist.json", netlist)
        before, after = (
            json.loads((folder / file).read_text(encoding="utf-8"))["design"]
            for file in ("before.json", "after.json")
        )
    cells = dict(sorted(after["num_cells_by_type"].items()))
    return Area(cells, before["num_memory_bits"], family)
