"""The benchmark as a table: for the terminal, and for a page between two marks."""

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

from hw.whole_file import write_whole
from secateur import table
from secateur.bench.cases import SCALES, SHAPES, VARIANTS
from secateur.bench.memories import explained, least
from secateur.bench.synthesis import clock

_HEAD = (
    "row",
    "P x G x R x E",
    "mults",
    "MACs",
    "cycles",
    "util.",
    "speed-up",
    "ideal",
    "bits/tap",
    "memory kbit",
    "LUT4-eq.",
    "a mult.",
    "CCU2C",
    "FF",
    "DSP",
    "block RAM",
    "MHz",
)
_MOST_OVER_BITS = 1.25  # block RAMs over those that the bits of their memories would fill


def cells(row: dict[str, Any]) -> list[str]:
    """One row as text; what is set by the input, and what is missed, is marked."""
    fold, memory = row["fold"], row["memory_bits"]
    mark = "!" if row["missed"] else "*" if row["input_bound"] else ""
    stored = sum(memory.values()) / 1000
    return [
        _name(row),
        f"{fold['P']} x {fold['G']} x {fold['R']} x {fold['E']}",
        str(row["multipliers"]),
        f"{row['macs']:,}",
        f"{row['cycles']['predicted']:,}",
        f"{row['utilisation']:.3f}{mark}",
        f"{row['speedup']:.2f}",
        f"{row['ideal_speedup']:.2f}",
        f"{row['schedule_bits_per_tap']:.2f}",
        f"{stored:,.0f}",
        _number(row["luts"]),
        "-" if row["luts"] is None else f"{row['luts'] / row['multipliers']:.1f}",
        *(_number(row[key]) for key in ("carries", "flip_flops", "dsp_cells", "block_rams")),
        clock(row["fmax_of_seeds"]),
    ]


def _name(row: dict[str, Any]) -> str:
    """Say which row it is: of what is not as usual, only."""
    made = [row[key] for key in ("scales", "made_of") if row[key] not in ("multiplier", "portable")]
    return " ".join([row["layer"], row["variant"], str(row["budget"]), *made])


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def text(rows: Sequence[dict[str, Any]]) -> str:
    """All rows, for a person at a terminal."""
    return table.with_notes(_HEAD, [cells(row) for row in rows], _notes(rows))


def marks(what: str) -> tuple[str, str]:
    """Lines of a page between which a table is put."""
    head = f"<!-- written by secateur bench {what}"
    return f"{head}: begin -->", f"{head}: end -->"


def write(path: Path, what: str, content: str) -> None:
    """Put a table between its marks in a page, complete or not at all.

    Raises
    ------
    OSError
        If the page cannot be read or written.
    ValueError
        If the page does not have both marks.
    """
    page = path.read_text(encoding="utf-8")
    first, last = marks(what)
    before, begin, rest = page.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"{path} must have the lines {first!r} and {last!r}")
    write_whole(path, f"{before}{begin}\n{content}{end}{after}")


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """All rows, for a page."""
    return table.markdown(_HEAD, [cells(row) for row in rows], _notes(rows))


def _notes(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Sentences below the table."""
    frames = min(row["frames"] for row in rows)
    wrong = sum(row["mismatches"] for row in rows)
    head = f"{len(rows)} rows, each simulated for {frames} frames: {wrong} mismatches"
    notes = [f"{head}, and every cycle as predicted."]
    if any(row["input_bound"] for row in rows):
        notes.append("`*`: a picture takes as long to enter, a pixel a cycle, as to be computed.")
    for row in rows:
        if row["missed"]:
            notes.append(f"`!`: {_name(row)}: {row['missed']}.")
    notes += [
        f"Block RAM of {_name(row)}: {explained(row['memories'])}."
        for row in rows
        if row["block_rams"] and row["block_rams"] > _MOST_OVER_BITS * least(row["memories"])
    ]
    used = {row["layer"]: SHAPES[row["layer"]] for row in rows}
    shapes = ", ".join(
        f"{name} {shape.inputs}->{shape.outputs} on {shape.size}x{shape.size}"
        + (f" stride {shape.stride}" if shape.stride > 1 else "")
        for name, shape in used.items()
    )
    variants = meanings(VARIANTS, {row["variant"] for row in rows})
    scales = meanings(SCALES, {row["scales"] for row in rows})
    return [*notes, f"Layers: {shapes}.", f"Variants: {variants}.", f"Scales: {scales}."]


def meanings(known: Mapping[str, str], used: Container[str]) -> str:
    """Say what the names mean that are used."""
    return "; ".join(f"{name}: {what}" for name, what in known.items() if name in used)
