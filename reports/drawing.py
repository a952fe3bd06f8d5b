"""Figures as SVG elements that take their colours from the page they stand in."""

import io
import re
from collections.abc import Callable
from typing import Any

LIGHT = {
    "ink": "#1d2420",
    "faint": "#d9ded9",
    "pruned": "#2e8b57",
    "dense": "#9aa7a0",
    "same-rate": "#c98a2b",
    "series-1": "#0072b2",
    "series-2": "#d55e00",
    "series-3": "#009e73",
    "series-4": "#aa4499",
    "series-5": "#b58900",
    "series-6": "#42a5dd",
    "series-7": "#882255",
    "series-8": "#7a7a1f",
}
DARK = {
    "ink": "#e6ebe7",
    "faint": "#333b36",
    "pruned": "#4fbd80",
    "dense": "#75837b",
    "same-rate": "#dba54c",
    "series-1": "#4ba3e3",
    "series-2": "#ff8a4a",
    "series-3": "#2fcf9f",
    "series-4": "#dd8fd0",
    "series-5": "#e8bd3f",
    "series-6": "#a3dcff",
    "series-7": "#e06a9f",
    "series-8": "#cfcf66",
}
COLOURS = {name: f"#{number:02x}{number:02x}{number:02x}" for number, name in enumerate(LIGHT, 1)}
"""Colours to draw with, by their names: each becomes a variable of the page."""

INK, FAINT, PRUNED, DENSE = (COLOURS[name] for name in ("ink", "faint", "pruned", "dense"))
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


def draw_svg(name: str, draw: Callable[[Any], None], size: tuple[float, float]) -> str:
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
    for name, colour in COLOURS.items():
        text = text.replace(colour, f"var(--{name})")
    return text


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
