"""Plots of what a selector saw on its way, from the record of a pruning.

A record is ``facts["prune"]`` of a pruned model, as `pruned.accuracy.json` has it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from reports.drawing import DENSE, FAINT, INK, PRUNED, draw_svg

Record = Mapping[str, Any]

LEVELS = 8  # shades of a heat map
ROWS, STEPS = 32, 60  # units and updates that a heat map of probabilities has at most
MANY = 24  # steps that are drawn over the whole width
OF_UNIT = "probability of "


def draw_selection(record: Record) -> dict[str, str]:
    """Draw what a record has, each as an SVG element: any of the following.

    ``candidates`` : validation errors of all masks that were tried, if there were several.
    ``particles`` : errors, effective sample size and weights, generation by generation.
    ``regression`` : how well a linear model predicts masks, and what they cost, step by step.
    ``probabilities`` : how near to its end every unit is, update by update.
    """
    log = record.get("log") or {}
    plots = {}
    if len(record.get("candidates") or ()) > 1:
        plots["candidates"] = _candidates(record)
    if log.get("weights"):
        plots["particles"] = _particles(log, record["images"])
    if log.get("held-out r2"):
        plots["regression"] = _regression(log, record["settings"])
    if any(name.startswith(OF_UNIT) for name in log):
        plots["probabilities"] = _probabilities(log)
    return plots


def _candidates(record: Record) -> str:
    """Errors in the order in which masks were tried, and how many have which."""
    errors = np.array(record["candidates"])
    best = int(errors.argmin())
    lowest = np.minimum.accumulate(errors)
    room = max(1.0, np.ptp(errors) / 20)

    def draw(figure: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        order, share = figure.subplots(1, 2, sharey=True, width_ratios=(3, 1))
        places = np.arange(1, len(errors) + 1)
        _dots(order, places, errors)
        order.step(places, lowest, where="post", color=PRUNED, linewidth=1.5)
        order.plot(best + 1, errors[best], "o", color=PRUNED, markersize=7)
        order.set(xlim=(0, len(errors) + 1), ylim=(min(errors) - room, max(errors) + room))
        _title(order, "in the order of trying", "mask", f"validation errors of {record['images']}")
        bins = np.histogram_bin_edges(errors, bins=min(24, int(np.ptp(errors)) + 1))
        share.hist(errors, bins, orientation="horizontal", color=DENSE, rwidth=0.85)
        share.axhline(errors[best], color=PRUNED, linewidth=1.5)
        _title(share, f"distribution, best {errors[best]}", "masks", "")
        order.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        order.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        share.xaxis.set_major_locator(MaxNLocator(3, integer=True))

    return draw_svg("candidates", draw, (9, 2.9))


def _particles(log: Record, images: int) -> str:
    """Errors and effective sample size as lines, weights as a heat map."""
    weights = -np.sort(-np.array(log["weights"]), axis=1)  # (generations, particles)
    count = weights.shape[1]
    places = np.arange(1, len(weights) + 1)

    def draw(figure: Any) -> None:
        errors, size, heat = figure.subplots(1, 3)
        errors.plot(places, log["mean"], "o-", color=DENSE, markersize=4)
        errors.plot(places, log["best"], "o-", color=PRUNED, markersize=4)
        _ends(errors, places[-1], {"mean": (log["mean"], INK), "best": (log["best"], PRUNED)})
        errors.set(xlim=(0.5, 1 + 1.25 * len(weights)), ylim=(0, max(log["mean"]) * 1.05))
        _title(errors, "errors", "generation", f"validation errors of {images}")
        size.bar(places, log["effective"], 0.7, color=PRUNED)
        size.set_ylim(0, count)
        _title(size, "effective sample size", "generation", f"of {count} particles")
        _heat(heat, (weights / weights[:, :1]).T, places[0] - 0.5, places[-1] + 0.5)
        _title(heat, "weight / heaviest one's", "generation", "particles, heaviest first")
        for axes in (errors, size, heat):
            _number(axes, len(weights))

    return draw_svg("particles", draw, (9, 2.9))


def _regression(log: Record, settings: Record) -> str:
    """Fit of the linear model, and spread of what its masks cost."""
    places = np.arange(1, len(log["held-out r2"]) + 1)
    few = len(places) <= MANY
    size = 4 if few else 2.5
    groups = _groups([names[0] if len(names) == 1 else "" for names in log["layers"]])

    def draw(figure: Any) -> None:
        fit, costs = figure.subplots(1, 2) if few else figure.subplots(2, 1, sharex=True)
        for start, end, _ in groups:
            at = slice(start, end)
            fit.plot(places[at], log["r2"][at], "s--", color=DENSE, markersize=size, linewidth=1)
            fit.plot(places[at], log["held-out r2"][at], "o-", color=PRUNED, markersize=size)
        _ends(
            fit,
            places[-1],
            {"fitted to": (log["r2"], INK), "left out": (log["held-out r2"], PRUNED)},
        )
        fit.set(xlim=(0.5, 1 + 1.25 * len(places)), ylim=(min(0, *log["held-out r2"]) - 0.12, 1.05))
        _title(fit, "R\N{SUPERSCRIPT TWO} of masks", "step" if few else "", "")
        for place, values in zip(places, log["costs"], strict=True):
            costs.plot([place] * 2, [min(values), max(values)], color=DENSE, linewidth=size + 1)
            costs.plot(place, np.median(values), "o", color=PRUNED, markersize=size + 1)
        _title(costs, f"{settings['target']} of masks: range and median", "step", "")
        for axes in (fit, costs):
            _mark_groups(axes, groups)

    return draw_svg("regression", draw, (9, 3.1 if few else 5.2))


def _probabilities(log: Record) -> str:
    """Probabilities of every layer's units as a heat map, those that went first on top."""
    names = [name for name in log if name.startswith(OF_UNIT)]
    columns = min(4, max(2, len(names)))
    rows = -(-len(names) // columns)
    updates = np.unique(np.linspace(0, len(log["iteration"]) - 1, STEPS).round().astype(int))
    iterations = np.array(log["iteration"])

    def draw(figure: Any) -> None:
        from matplotlib.patches import Patch
        from matplotlib.ticker import EngFormatter, MaxNLocator

        panels = figure.subplots(rows, columns, squeeze=False, sharex=True).flat
        for axes, name in zip(panels, names, strict=False):
            values = np.array(log[name]).T  # (units, updates)
            some = np.linspace(0, len(values) - 1, ROWS).round().astype(int)
            values = values[np.unique(some)]
            order = np.argsort(-values.mean(1), kind="stable")
            _heat(axes, values[order][:, updates], iterations[0], iterations[-1])
            layer = name.removeprefix(OF_UNIT)
            left = " (not all gone in time)" if layer in log["unfinished"] else ""
            _title(axes, layer + left, "", "")
            axes.xaxis.set_major_locator(MaxNLocator(5 if columns < 4 else 3, prune="upper"))
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
        for axes in figure.axes[len(names) :]:
            axes.set_visible(False)
        for axes in figure.axes[max(0, len(names) - columns) : len(names)]:
            axes.set_xlabel("iteration")
            axes.xaxis.set_tick_params(labelbottom=True)
        shades = {"a row is a unit; its probability to be masked: 0": 0, "one half": 0.5, "1": 1}
        handles = [
            Patch(facecolor=(PRUNED, shade), edgecolor=DENSE, linewidth=0.6, label=label)
            for label, shade in shades.items()
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=3, frameon=False)

    return draw_svg("probabilities", draw, (9, 0.8 + (2.1 if columns < 4 else 1.6) * rows))


def _heat(axes: Any, values: np.ndarray, left: float, right: float) -> None:
    """Draw (rows, columns) of 0 to 1, shade by shade; equal neighbours of a row are one piece."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    rows, columns = values.shape
    edges = np.linspace(left, right, columns + 1)
    shades = np.rint(values.clip(0, 1) * LEVELS).astype(int)
    for shade in range(1, LEVELS + 1):
        found = np.diff(np.pad((shades == shade).astype(np.int8), ((0, 0), (1, 1))), axis=1)
        (row, start), end = np.nonzero(found == 1), np.nonzero(found == -1)[1]
        corners = [(start, row), (end, row), (end, row + 1), (start, row + 1), (start, row)]
        points = np.array([(edges[x], y) for x, y in corners])  # (corners, x or y, pieces)
        codes = [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY] * len(row)
        path = Path(points.transpose(2, 0, 1).reshape(-1, 2), codes)
        colour = (PRUNED, shade / LEVELS)
        axes.add_patch(PathPatch(path, facecolor=colour, linewidth=0))
    axes.set(xlim=(left, right), ylim=(rows, 0), yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=DENSE, linewidth=0.6)


def _dots(axes: Any, x: np.ndarray, y: np.ndarray) -> None:
    """Draw dots as one path, which takes less room than a marker each."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    ends = np.stack([[x, y], [x + 0.01, y]])  # lines without a length are not drawn
    path = Path(ends.transpose(2, 0, 1).reshape(-1, 2), [Path.MOVETO, Path.LINETO] * len(x))
    axes.add_patch(PathPatch(path, fill=False, edgecolor=DENSE, linewidth=3, capstyle="round"))


def _title(axes: Any, title: str, below: str, beside: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.set_xlabel(below)
    axes.set_ylabel(beside)


def _ends(axes: Any, at: float, lines: Mapping[str, tuple[Sequence[float], str]]) -> None:
    """Name two lines at their right ends, the upper one above its end."""
    ordered = sorted(lines.items(), key=lambda line: line[1][0][-1])
    for (name, (values, colour)), side in zip(ordered, ("top", "bottom"), strict=True):
        style = {"textcoords": "offset points", "va": side, "color": colour}
        axes.annotate(name, (at, values[-1]), (6, 2 if side == "bottom" else -2), **style)


def _groups(names: Sequence[str]) -> list[tuple[int, int, str]]:
    """Find runs of equal names: start, end and name."""
    starts = [at for at, name in enumerate(names) if at == 0 or name != names[at - 1]]
    ends = [*starts[1:], len(names)]
    return [(start, end, names[start]) for start, end in zip(starts, ends, strict=True)]


def _mark_groups(axes: Any, groups: Sequence[tuple[int, int, str]]) -> None:
    """Separate groups of steps by lines, and name them below."""
    for start, _, _ in groups[1:]:
        axes.axvline(start + 0.5, color=FAINT, linewidth=1, zorder=0)
    if len(groups) > 1:
        middles = [(start + end + 1) / 2 for start, end, _ in groups]
        axes.set_xticks(middles, [name for _, _, name in groups], rotation=90 * (len(groups) > 6))
    else:
        _number(axes, groups[0][1])


def _number(axes: Any, count: int) -> None:
    """Write numbers of steps, as many as there is room for."""
    every = next(n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, count) if count / n <= 7)
    axes.set_xticks(range(every, count + 1, every))
