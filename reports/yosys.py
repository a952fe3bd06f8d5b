"""Area of a Verilog file on ECP5, by Yosys."""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from reports.tools import run_python

TIME_LIMIT = 900.0

RUN = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""


@dataclass(frozen=True)
class Area:
    """What a netlist is made of.

    Parameters
    ----------
    cells : dict of str to int
        Number of cells by type, as Yosys names them for ECP5.
    memory_bits : int
        Bits of all memories, read-only ones included, before they are mapped to cells.
    """

    cells: dict[str, int]
    memory_bits: int

    @property
    def luts(self) -> int:
        """LUT4-equivalents: a CCU2C is two, a TRELLIS_DPR16X4 four."""
        count = self.cells.get
        return count("LUT4", 0) + 2 * count("CCU2C", 0) + 4 * count("TRELLIS_DPR16X4", 0)

    @property
    def flip_flops(self) -> int:
        """Flip-flops outside DSP cells and block RAMs."""
        return self.cells.get("TRELLIS_FF", 0)

    @property
    def dsp_cells(self) -> int:
        """Multiplier cells, those that requantise included."""
        return self.cells.get("MULT18X18D", 0)

    @property
    def block_rams(self) -> int:
        """Block RAMs of 18 kbit."""
        return self.cells.get("DP16KD", 0)


def synthesise(verilog: Path, top: str = "top", seconds: float = TIME_LIMIT) -> Area:
    """Synthesise a Verilog file for ECP5 and count its cells.

    The names of inner nets are hidden first: ABC9 aborts on Amaranth's numbered ones.

    Parameters
    ----------
    verilog : path
        One file with every module.
    top : str
        Name of the top module.
    seconds : float
        Time limit.

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
        commands = [
            "read_verilog design.v",
            f"hierarchy -check -top {top}",
            "tee -q -o before.json stat -json",
            "proc",
            "flatten",
            "rename -hide w:*",
            f"synth_ecp5 -top {top}",
            "tee -q -o after.json stat -json",
        ]
        run_python(["-c", RUN, *commands], what="Yosys", seconds=seconds, folder=folder)
        before, after = (
            json.loads((folder / file).read_text(encoding="utf-8"))["design"]
            for file in ("before.json", "after.json")
        )
    cells = dict(sorted(after["num_cells_by_type"].items()))
    return Area(cells=cells, memory_bits=before["num_memory_bits"])
