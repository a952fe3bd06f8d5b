"""Plots of a ledger, as inline SVG that takes its colours from the page."""

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reports.ledger import DESIGNS

LABELS = {"pruned": "pruned", "dense": "dense", "dense_same_rate": "dense, same rate"}
INK, FAINT = "#010101", "#020202"
COLOURS = {"pruned": "#030303", "dense": "#040404", "dense_same_rate": "#050505"}
_VARIABLES = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    COLOURS["pruned"]: "var(--pruned)",
    COLOURS["dense"]: "var(--dense)",
    COLOURS["dense_same_rate"]: "var(--same-rate)",
}
LIGHT = {
    "ink": "#1d2420",
    "faint": "#d9ded9",
    "pruned": "#2e8b57",
    "dense": "#9aa7a0",
    "same-rate": "#c98a2b",
}
DARK = {
    "ink": "#e6ebe7",
    "faint": "#333b36",
    "pruned": "#4fbd80",
    "dense": "#75837b",
    "same-rate": "#dba54c",
}
_STYLE: dict[Any, Any] = {
    "font.size": 11,
    "svg.fonttype": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
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

    return _svg("designs", draw, (9, 3.6))


def standalone(svg: str) -> str:
    """Make a file of an inline plot, with colours for light and for dark pages."""
    light, dark = (
        " ".join(f"--{name}: {colour};" for name, colour in colours.items())
        for colours in (LIGHT, DARK)
    )
    style = (
        f"<style>svg {{ {light} font-family: system-ui, sans-serif }} "
        f"@media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}</style>"
    )
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return re.sub(r"<svg ([^>]*)>", rf"<svg {spaces} \1>{style}", svg, count=1)


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

    return _svg("layers", draw, (9, 3.2))


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
    return _svg("balance", draw, (9, height))


def _multiplying(layers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [layer for layer in layers if layer["macs"]]


def _short(value: int) -> str:
    """Write a number in at most four places."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            scaled = value / limit
            return f"{scaled:.0f}{unit}" if scaled >= 100 else f"{scaled:.2g}{unit}"
    return str(value)


def _svg(name: str, draw: Callable[[Any], None], size: tuple[float, float]) -> str:
    """Draw a figure and return its ``<svg>`` element, which refers to nothing outside itself."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        buffer = io.StringIO()
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    text = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1" role="img">', text)
    text = re.sub(r"font-family: [^;\"]*; ", "", text)
    text = re.sub(r' id="[a-z][\w.]*_\d+"', "", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    return text
