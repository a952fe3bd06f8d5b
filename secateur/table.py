"""Tables for the terminal and for pages."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns: the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for row in (head, ["-" * width for width in widths], *rows):
        first, *others = zip(row, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def with_notes(head: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """Align columns, with sentences below them."""
    return "\n".join([table(head, rows), "", *notes])


def markdown(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    notes: Sequence[str],
    names: Sequence[int] = (0,),
) -> str:
    """Write a table for a page, with a list of sentences below it.

    Parameters
    ----------
    head, rows, notes
        The table's head, its rows and the sentences.
    names : sequence of int
        Columns of names, counted from 0, which begin to the left; the others end to the right.
    """
    rule = "|".join("---" if column in names else "---:" for column in range(len(head)))
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    lines.insert(1, f"|{rule}|")
    return "\n".join(["", *lines, "", *(f"- {note}" for note in notes), "", ""])
