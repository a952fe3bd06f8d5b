"""Netlist of a Verilog file: the cells that Yosys makes of it, as Verilog again."""

import shutil
import tempfile
from pathlib import Path

from hw import mem_files
from hw.whole_file import write_whole
from reports.tools import run_python
from reports.yosys import FLATTEN, FLOWS, RUN, TIME_LIMIT, read

FAMILIES = ("ecp5",)  # those of whose cells there are models in sim/verilog


def write_netlist(
    verilog: Path, netlist: Path, top: str, family: str = "ecp5", seconds: float = TIME_LIMIT
) -> None:
    """Synthesise a Verilog file for a family of parts, and write its cells as one module.

    Parameters
    ----------
    verilog : path
        One file with every module.
    netlist : path
        File to write, complete or not at all.
    top : str
        Name of the top module, whose ports stay as they are.
    family : str
        One of `FAMILIES`.
    seconds : float
        Time limit.

    Raises
    ------
    OSError
        If the file cannot be read or written.
    ToolError
        If Yosys fails or takes longer than the time limit.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copyfile(verilog, folder / "design.v")
        mem_files.copy(verilog, folder)
        commands = [
            *read("design.v", top),
            *FLATTEN,
            f"{FLOWS[family].command} -top {top}",
            "write_verilog -noattr netlist.v",
        ]
        run_python(["-c", RUN, *commands], what="Yosys", seconds=seconds, folder=folder)
        write_whole(netlist, (folder / "netlist.v").read_text(encoding="utf-8"))
