"""What granularities cost as hardware where they leave as many multiply-adds, as a table."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from secateur.table import table

MACS = 0.5
_HEAD = (
    "masks",
    "MACs",
    "cycles",
    "multipliers",
    "memory bits",
    "index bits",
    "LUTs",
    "block RAMs",
)
_KEYS = (
    "macs",
    "cycles",
    "multipliers",
    "memory_bits",
    "index_bits",
    "luts",
    "block_rams",
)


def measure(model: Any, multipliers: int, cycles: int, part: str) -> list[dict[str, Any]]:
    """Ask for the prices of a model, dense and pruned in every way to half of its multiply-adds.

    Parameters
    ----------
    model : pruning.models.Model
    multipliers : int
        Of the design whose cycles, memory and area are told.
    cycles : int
        That another design may take a frame, whose multipliers are told.
    part : str
        A part, or a family of them, for which the area is predicted.
    """
    from pruning.constraints import Constraints
    from pruning.granularity_prices import ALL, granularity_prices

    variants = {
        **ALL,
        "kernel, balanced": ("kernel", Constraints(balanced=True)),
        "kernel-group of 8": ("kernel-group", Constraints(group=8)),
    }
    asked = {"multipliers": multipliers, "cycles": cycles, "part": part}
    found = granularity_prices(model, MACS, variants=variants, **asked)
    return [{"masks": name, **asdict(row), "asked": asked} for name, row in found.items()]


def text(rows: Sequence[dict[str, Any]]) -> str:
    """All rows, for a person at a terminal."""
    return "\n".join([table(_HEAD, [_cells(row) for row in rows]), "", _note(rows)])


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """All rows, for a page."""
    lines = [_HEAD, ["---"] * len(_HEAD), *map(_cells, rows)]
    return "\n".join([*("| " + " | ".join(line) + " |" for line in lines), "", _note(rows), ""])


def _cells(row: dict[str, Any]) -> list[str]:
    return [row["masks"], *("-" if row[key] is None else f"{row[key]:,}" for key in _KEYS)]


def _note(rows: Sequence[dict[str, Any]]) -> str:
    asked = rows[0]["asked"]
    return (
        f"Masks of the largest weights, the same share of every layer, {MACS:.0%} of the MACs at "
        "most. Cycles a frame, memory, index and area are those of at most "
        f"{asked['multipliers']:,} multipliers; multipliers those that {asked['cycles']:,} cycles "
        f"a frame take. Area is predicted for {asked['part']}."
    )
