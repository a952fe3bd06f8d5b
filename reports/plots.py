"""Plots of a ledger."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reports import drawing
from reports.drawing import INK, draw_svg
from reports.ledger import DESIGNS

LABELS = {"pruned": "pruned", "dense": "dense", "dense_same_rate": "dense, same rate"}
COLOURS = {
    name: drawing.COLOURS[colour]
    for name, colour in zip(DESIGNS, ("pruned", "dense", "same-rate"), strict=True)
}
_FIGURES: dict[str, Callable[[Mapping[str, Any]], int]] = {
    "cycles a frame": lambda design: design["cycles"]["simulated"],
    "multipliers": lambda design: design["multipliers"],
    "LUT4-equivalents": lambda design: design["lut4_equivalents"],
    "flip-flops": lambda design: design["flip_flops"],
    "DSP cells": lambda design: design["dsp_cells"],
    "memory bits": lambda design: design["memory_bits"],
}


def designs(report: Mapping[str, Any]) -> str:
    """Draw every cost of the three designs as bars, a panel each."""

    def draw(figure: Any) -> None:
        panels = figure.subplots(2, 3).flat
        for axes, (title, value) in zip(panels, _FIGURES.items(), strict=True):
            values = [value(report[name]) for name in DESIGNS]
            axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
            bars = axes.barh(range(3), values, color=[COLOURS[name] for name in DESIGNS])
            axes.bar_label(bars, [f"{v:,}" for v in values], padding=4)
            axes.set(xlim=(0, max(*values, 1) * 1.4), ylim=(2.6, -0.6), xticks=[], yticks=[])
            axes.spines["bottom"].set_visible(False)
        figure.axes[0].figure.legend(
            figure.axes[0].patches[:3],
            [LABELS[name] for name in DESIGNS],
            loc="outside upper left",
            ncols=3,
            frameon=False,
        )

    return draw_svg("designs", draw, (9, 3.6))


def layers(report: Mapping[str, Any]) -> str:
    """Draw surviving maps and multiply-adds of every layer, dense against pruned."""

    def draw(figure: Any) -> None:
        pairs = ("dense", "pruned")
        rows = {name: _multiplying(report[name]["layers"]) for name in pairs}
        names = [layer["name"] for layer in rows["pruned"]]
        for axes, (title, key) in zip(
            figure.subplots(1, 3),
            (("maps", "maps"), ("multiply-adds", "macs"), ("parameters", "parameters")),
            strict=True,
        ):
            for offset, name in zip((-0.2, 0.2), pairs, strict=True):
                places = [place + offset for place in range(len(names))]
                values = [layer[key] for layer in rows[name]]
                bars = axes.bar(places, values, 0.38, color=COLOURS[name], label=LABELS[name])
                axes.bar_label(bars, [_short(v) for v in values], padding=2, fontsize=8)
            axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
            axes.set_xticks(range(len(names)), names)
            axes.set_yticks([])
            axes.margins(y=0.15)
        handles, texts = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, texts, loc="outside upper left", ncols=2, frameon=False)

    return draw_svg("layers", draw, (9, 3.2))


def balance(report: Mapping[str, Any]) -> str:
    """Draw the cycles that each stage of the pruned design needs alone, against the interval."""

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        stages = report["pruned"]["layers"]
        interval = report["pruned"]["cycles"]["simulated"]
        slowest = max(stage["cycles"]["simulated"] for stage in _multiplying(stages))
        longest = max(interval, *(stage["cycles"]["simulated"] for stage in stages))
        for place, stage in enumerate(stages):
            cycles = stage["cycles"]["simulated"]
            colour = COLOURS["pruned" if cycles == slowest else "dense"]
            axes.barh(place, cycles, 0.6, color=colour)
            axes.text(cycles + 0.01 * longest, place, f"{cycles:,}", va="center")
        axes.axvline(interval, color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        axes.text(interval + 0.01 * longest, -0.8, f"interval {interval:,}", va="center")
        axes.set_yticks(range(len(stages)), [stage["name"] for stage in stages])
        axes.set(xticks=[], ylim=(len(stages) - 0.5, -1.2), xlim=(0, longest * 1.2))
        axes.spines["bottom"].set_visible(False)

    height = 0.9 + 0.36 * len(report["pruned"]["layers"])
    return draw_svg("balance", draw, (9, height))


def _multiplying(layers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [layer for layer in layers if layer["macs"]]


def _short(value: int) -> str:
    """Write a number in at most four places."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            scaled = value / limit
            return f"{scaled:.0f}{unit}" if scaled >= 100 else f"{scaled:.2g}{unit}"
    return str(value)
