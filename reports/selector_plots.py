"""Accuracy against costs, of many prunings by several selectors."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reports.drawing import COLOURS, DENSE, INK, draw_svg

COSTS = {"macs": "MACs", "cycles": "cycles a frame", "luts": "LUTs"}
_SERIES = [INK, *(COLOURS[f"series-{number}"] for number in range(1, 9))]
_MARKERS = "os^DvP<X>"
_APART = 0.012  # of an axis: how far selectors stand from each other
COLUMNS = 3
BEFORE = "before pruning"


@dataclass(frozen=True)
class Point:
    """What the seeds of one setting have in common.

    Parameters
    ----------
    cost : float
        Mean over the seeds.
    accuracy, least, most : float
        Mean over the seeds, and their range.
    """

    cost: float
    accuracy: float
    least: float
    most: float


def draw_selectors(rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw accuracy against every cost there is, a panel each and a line for each selector.

    Points are means over seeds, bars the range of their accuracy; a dashed line is the model before
    pruning. Selectors stand a little apart sideways, so that bars at one cost do not hide each
    other.

    Parameters
    ----------
    rows : list of dict
        Each with ``selector``, ``granularity``, ``ratio``, ``seed``, ``accuracy`` (0 to 1), any of
        ``accuracy_before``, and ``macs``, ``cycles`` and ``luts``, which may be missing or None.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    selectors = list(dict.fromkeys(row["selector"] for row in rows))
    granularities = dict.fromkeys(row["granularity"] for row in rows)
    panels = [
        (granularity, cost, found)
        for granularity in granularities
        for cost in COSTS
        if (found := [r for r in rows if r["granularity"] == granularity and r.get(cost)])
    ]
    if not panels:
        raise ValueError(f"rows must have one of {', '.join(COSTS)}, not {len(rows)} without")
    kinds = len({cost for _, cost, _ in panels})
    columns = kinds if kinds > 1 else min(COLUMNS, len(panels))
    lines = -(-len(panels) // columns)

    def draw(figure: Any) -> None:
        grid = figure.subplots(lines, columns, squeeze=False, sharey="row").flat
        for axes, (granularity, cost, found) in zip(grid, panels, strict=False):
            span = max(row[cost] for row in found) - min(row[cost] for row in found)
            for number, selector in enumerate(selectors):
                own = grouped([row for row in found if row["selector"] == selector], cost)
                if own:
                    aside = _APART * span * (number - (len(selectors) - 1) / 2)
                    _line(axes, own, aside, number, selector)
            before = [r["accuracy_before"] for r in found if r.get("accuracy_before") is not None]
            if before:
                mean = sum(before) / len(before)
                style = {"color": DENSE, "linewidth": 1, "linestyle": (0, (4, 3)), "zorder": 0}
                axes.axhline(mean, label=BEFORE, **style)
            axes.set_title(granularity, loc="left", fontsize=11, fontweight="bold")
            axes.set_xlabel(COSTS[cost])
            _ticks(axes)
        for axes in figure.axes[len(panels) :]:
            axes.set_visible(False)
        for row in range(lines):
            figure.axes[row * columns].set_ylabel("accuracy")
        _legend(figure, selectors)

    return draw_svg("selectors", draw, (9, 0.7 + 2.5 * lines))


def grouped(rows: Iterable[Mapping[str, Any]], cost: str) -> list[Point]:
    """Group rows of one selector by their ratio, the cheapest group first."""
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["ratio"], []).append(row)
    points = []
    for group in groups.values():
        found = [row["accuracy"] for row in group]
        costs = [row[cost] for row in group]
        mean = sum(found) / len(found)
        points.append(Point(sum(costs) / len(costs), mean, min(found), max(found)))
    return sorted(points, key=lambda point: point.cost)


def _line(axes: Any, points: Sequence[Point], aside: float, number: int, label: str) -> None:
    """Draw one selector."""
    costs = [point.cost + aside for point in points]
    means = [point.accuracy for point in points]
    style = {"color": _SERIES[number % 9], "label": label, "linewidth": 1.3}
    axes.plot(costs, means, marker=_MARKERS[number % 9], markersize=4.5, **style)
    axes.vlines(costs, [p.least for p in points], [p.most for p in points], color=style["color"])


def _ticks(axes: Any) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.6g}%")


def _legend(figure: Any, selectors: Sequence[str]) -> None:
    """Name all selectors above the panels, whichever panels they are in."""
    handles = {}
    for axes in figure.axes:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    names = [name for name in (*selectors, BEFORE) if name in handles]
    where = {"loc": "outside upper left", "ncols": 5, "frameon": False}
    figure.legend([handles[name] for name in names], names, **where)
