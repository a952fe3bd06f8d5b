"""Cells and clock of a design, measured once for each content of its Verilog."""

from pathlib import Path
from typing import Any

from hw.mem_files import design_hash
from secateur.files import read_json, write_json

SCHEMA = "secateur.bench-synthesis/1"
NOTHING: dict[str, Any] = {"cells": None, "lut4_equivalent": None, "fmax_mhz": None}


def known(verilog: Path, cache: Path) -> dict[str, Any]:
    """Figures that were measured of this content before; None for those that were not."""
    path = _path(verilog, cache)
    record = read_json(path, "bench layers") if path.is_file() else {}
    return {key: record.get(key) for key in NOTHING}


def figures(verilog: Path, top: str, cache: Path, place: bool) -> dict[str, Any]:
    """Cells by type, LUT4-equivalents and, where asked to, MHz on ECP5; measured if not known.

    Raises
    ------
    ToolError
        If a tool fails or takes too long.
    """
    from reports.nextpnr import fmax
    from reports.yosys import synthesise

    found = known(verilog, cache)
    if found["cells"] is None:
        area = synthesise(verilog, top)
        found |= {"cells": area.cells, "lut4_equivalent": area.luts}
        write_json(_path(verilog, cache), {"schema": SCHEMA, **found})
    if place and found["fmax_mhz"] is None:
        found["fmax_mhz"] = fmax(verilog, top)
        write_json(_path(verilog, cache), {"schema": SCHEMA, **found})
    return found


def _path(verilog: Path, cache: Path) -> Path:
    return cache / f"{design_hash(verilog)}.json"
