"""What each choice of the ECP5's cells gives, each alone: one layer, synthesised in every form."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hw.cells.mixed import CHOICES, Mixed
from hw.fold import Folding
from hw.network import Network
from secateur import table
from secateur.bench import engine, synthesis

_HEAD = ("form", "LUT4-eq.", "a mult.", "CCU2C", "FF", "DSP", "block RAM", "MHz")


def forms() -> dict[str, frozenset[str]]:
    """Choices of every form: none, each alone, all but each, and all."""
    every = frozenset(CHOICES)
    return {
        "portable": frozenset(),
        **{f"with {name}": frozenset({name}) for name in CHOICES},
        **{f"without {name}": every - {name} for name in CHOICES},
        "ecp5": every,
    }


def measure(
    network: Network,
    folding: Folding,
    folder: Path,
    note: Callable[[str, int, int], None],
    seeds: Sequence[int] = (),
) -> list[dict[str, Any]]:
    """Synthesise every form of a network's one layer, and place and route it with every seed.

    Returns
    -------
    list of dict
        Each with its ``form``, the ``choices`` of it, the ``fold``, the ``multipliers``, and the
        figures of `secateur.bench.synthesis`.

    Raises
    ------
    ToolError
        If a tool fails or takes too long.
    """
    rows = []
    for number, (form, choices) in enumerate(forms().items()):
        note(form, number, len(forms()))
        cells = Mixed(choices)
        built = engine.planned(network, folding, cells)
        path = folder / "area" / f"{network.name}_{'_'.join(form.split())}.v"
        figures = engine.measure(built, cells, path, folder / "synthesis", seeds=seeds)
        rows.append({"form": form, "choices": sorted(choices), **figures})
    note("synthesised", len(rows), len(rows))
    return rows


def cells(row: dict[str, Any]) -> list[str]:
    """One row as text."""
    mhz = row["fmax_of_seeds"]
    return [
        row["form"],
        f"{row['luts']:,}",
        f"{row['luts'] / row['multipliers']:.1f}",
        *(f"{row[key]:,}" for key in ("carries", "flip_flops", "dsp_cells", "block_rams")),
        synthesis.clock(mhz),
    ]


def text(rows: Sequence[dict[str, Any]]) -> str:
    """All rows, for a person at a terminal."""
    return table.with_notes(_HEAD, [cells(row) for row in rows], _notes(rows))


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """All rows, for a page."""
    return table.markdown(_HEAD, [cells(row) for row in rows], _notes(rows))


def _notes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences below the table: what each choice gives, alone and as the last one."""
    luts = {row["form"]: row["luts"] / row["multipliers"] for row in rows}
    return [
        engine.folded(rows),
        *(
            f"{name}: {what}: {luts['portable'] - luts[f'with {name}']:.1f} LUT4-equivalents a "
            f"multiplier less alone, {luts[f'without {name}'] - luts['ecp5']:.1f} less as the last."
            for name, what in CHOICES.items()
        ),
    ]
