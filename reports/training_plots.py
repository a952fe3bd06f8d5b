"""Plots of training: loss and validation errors, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

from reports.drawing import DENSE, FAINT, PRUNED, draw_svg

Row = tuple[int, int, float, int]
_COLOURS = {"dense": DENSE, "pruned": PRUNED}


def draw_training(logs: Mapping[str, Sequence[Row]]) -> str | None:
    """Draw loss and validation errors of every epoch; None if there are no rows.

    Parameters
    ----------
    logs : dict of str to list of (step, epoch, loss, errors)
        Of the models ``dense`` and ``pruned``. Steps follow each other, with a line between.
    """
    logs = {name: rows for name, rows in logs.items() if rows}
    if not logs:
        return None

    def draw(figure: Any) -> None:
        from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

        panels = figure.subplots(2, len(logs), squeeze=False, sharex="col", sharey="row")
        for (errors, loss), (name, rows) in zip(panels.T, logs.items(), strict=True):
            starts = [at for at, row in enumerate(rows) if at == 0 or row[0] != rows[at - 1][0]]
            for start, end in zip(starts, [*starts[1:], len(rows)], strict=True):
                places = range(start + 1, end + 1)
                style = {"color": _COLOURS[name], "marker": "o", "markersize": 3, "linewidth": 1.3}
                errors.plot(places, [row[3] for row in rows[start:end]], **style)
                loss.plot(places, [row[2] for row in rows[start:end]], **style)
            for axes in (errors, loss):
                for start in starts[1:]:
                    axes.axvline(start + 0.5, color=FAINT, linewidth=1, zorder=0)
            errors.set_title(name, loc="left", fontsize=11, fontweight="bold")
            loss.set_xlabel("epoch")
            loss.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        panels[0, 0].set(ylabel="validation errors", ylim=(0, None))
        panels[0, 0].yaxis.set_major_locator(MaxNLocator(4, integer=True))
        panels[1, 0].set(ylabel="loss", yscale="log")
        panels[1, 0].yaxis.set_major_locator(LogLocator(numticks=4))
        panels[1, 0].yaxis.set_minor_locator(NullLocator())

    return draw_svg("training", draw, (9, 3.8))
