"""What one layer takes on each family of parts, of portable cells and of the family's own."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from hw.cells.named import CELLS, named
from hw.fold import Folding
from hw.network import Network
from reports.yosys import FLOWS, counted
from secateur import table
from secateur.bench import engine
from secateur.bench.cases import SCALES
from secateur.bench.page import meanings

FAMILIES = ("ecp5", "xilinx7", "ice40", "gowin")
_HEAD = (
    *("family", "cells", "scales"),
    *("LUTs", "a mult.", "carries", "FF", "DSP cells", "block RAM"),
)
_NAMES = (0, 1, 2)  # columns
_COUNTS = ("carries", "flip_flops", "dsp_cells", "block_rams")


def forms() -> list[tuple[str, str]]:
    """Families of parts, each with the portable cells, and with those that are for it."""
    return [
        (family, name)
        for family in FAMILIES
        for name, cells in CELLS.items()
        if name == "portable" or cells.family == family
    ]


def measure(
    networks: Mapping[str, Network],
    folding: Folding,
    folder: Path,
    note: Callable[[str, int, int], None],
) -> list[dict[str, Any]]:
    """Synthesise a layer for every family, in every form and with all scales.

    Parameters
    ----------
    networks : dict of str to Network
        The layer with each of the scales, by their name.
    folding : Folding
        The same for all of them.
    folder : path
        Keeps the Verilog, and what was measured.
    note : callable
        Is told what comes, and how many of how many are done.

    Returns
    -------
    list of dict
        Each with its ``family``, what it is ``made_of``, its ``scales``, and what
        `secateur.bench.engine.measure` says.

    Raises
    ------
    OSError
        If a file cannot be written.
    ToolError
        If a tool fails or takes too long.
    ValueError
        If the folding does not fit the layer.
    """
    rows: list[dict[str, Any]] = []
    every = list(product(forms(), networks.items()))
    for (family, made_of), (scales, network) in every:
        note(f"{family} {made_of} {scales}", len(rows), len(every))
        cells = named(made_of)
        built = engine.planned(network, folding, cells)
        path = folder / "families" / f"{network.name}_{made_of}_{scales}.v"
        figures = engine.measure(built, cells, path, folder / "synthesis", family)
        rows.append({"family": family, "made_of": made_of, "scales": scales, **figures})
    note("synthesised", len(rows), len(rows))
    return rows


def cells(row: dict[str, Any]) -> list[str]:
    """One row as text."""
    return [
        *(row[key] for key in ("family", "made_of", "scales")),
        f"{row['luts']:,}",
        f"{row['luts'] / row['multipliers']:.1f}",
        *("-" if row[key] is None else f"{row[key]:,}" for key in _COUNTS),
    ]


def text(rows: Sequence[dict[str, Any]]) -> str:
    """All rows, for a person at a terminal."""
    return table.with_notes(_HEAD, [cells(row) for row in rows], _notes(rows))


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """All rows, for a page."""
    return table.markdown(_HEAD, [cells(row) for row in rows], _notes(rows), _NAMES)


def _notes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences below the table: how it is folded, and which cells of a family count."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["family"], set()).update(row["cells"])
    return [
        engine.folded(rows),
        *(_counts(family, sorted(types)) for family, types in found.items()),
        "Carries: CCU2C, which are among the LUTs too; those of xilinx7 and ice40 count nothing.",
        "Block RAM: of 18 kbit; of 4 kbit on ice40.",
        f"Scales: {meanings(SCALES, {row['scales'] for row in rows})}.",
    ]


def _counts(family: str, types: Sequence[str]) -> str:
    """Say which types of cells, of those that were found, count, and what each does."""
    flow = FLOWS[family]
    worth = {"LUTs": flow.luts, "DSP cells": flow.dsp_cells, "block RAM": flow.block_rams}
    told = [f"{what} {_worth(patterns, types)}" for what, patterns in worth.items()]
    return f"{family}: {'; '.join(told)}."


def _worth(patterns: Mapping[str, float], types: Sequence[str]) -> str:
    each = counted(patterns, types).items()
    return ", ".join(cell if one == 1 else f"{one:g} a {cell}" for cell, one in each) or "none"
