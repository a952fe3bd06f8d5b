"""Pictures of what pruning has left of every layer, kernel by kernel.

A picture has a row for every output and a column for every input. It is written as SVG here, with
one path for each brightness, for matplotlib's would have one for every cell.
"""

import html
import math
from collections.abc import Iterator

import numpy as np

from hw.layers import Conv
from hw.network import Network
from reports.survivors import blocks, surviving_kernels

TIMES = "\N{MULTIPLICATION SIGN}"
WIDTH, COLUMNS, SIDE = 648, 4, 138  # of the figure; its panels in a row; of a picture
CELLS, LARGEST = 64, 9  # cells along a picture at most; the largest
LEVELS = 10  # brightnesses, the first of which is nothing
GAP, HEAD, NOTE = 22, 31, 13  # between rows of panels; above a picture; below it
_HATCH = (  # as wide as a cell
    '<pattern id="gone" width="1" height="1" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="1" height="1" fill="var(--faint)"/>'
    '<rect width=".3" height="1" fill="var(--dense)"/></pattern>'
)


def draw_masks(before: Network, after: Network) -> str | None:
    """Draw a picture for each pruned layer; None if none is.

    Parameters
    ----------
    before, after : Network
        A network, and what pruning left of it; layers are known by their names.
    """
    whole = {layer.name: layer.weight.shape for layer in before.layers if isinstance(layer, Conv)}
    left = {
        layer.name: int(layer.survivors.sum()) / math.prod(whole[layer.name])
        for layer in after.layers
        if isinstance(layer, Conv)
    }
    layers = surviving_kernels(before, after)
    if not layers:
        return None
    panels = [_panel(name, whole[name], left[name], cells) for name, cells in layers.items()]
    gone = any(np.isnan(kernels).any() for kernels in layers.values())
    parts, top = [_legend(gone)], 32.0
    for start in range(0, len(panels), COLUMNS):
        row = panels[start : start + COLUMNS]
        for place, (panel, _) in enumerate(row):
            x = place * (WIDTH - SIDE) / (COLUMNS - 1)
            parts.append(f'<g transform="translate({x:g} {top:g})">{panel}</g>')
        top += max(height for _, height in row) + GAP
    box = f"0 0 {WIDTH} {top - GAP + 4:.0f}"
    return f'<svg viewBox="{box}" role="img"><defs>{_HATCH}</defs>{"".join(parts)}</svg>'


def _panel(
    name: str, shape: tuple[int, ...], left: float, kernels: np.ndarray
) -> tuple[str, float]:
    """Draw a layer with its words; and how high that is."""
    cells, side = blocks(kernels, CELLS)
    scale = min(LARGEST, SIDE / max(cells.shape))
    height = HEAD + scale * len(cells)
    outputs, inputs, *kernel = shape
    words = f"{outputs} {TIMES} {inputs} of {kernel[0]} {TIMES} {kernel[1]}, {left:.0%} left"
    parts = [
        _text(0, 11, name, "11", "700"),
        _text(0, 24, words),
        f'<g transform="translate(0 {HEAD}) scale({scale:g})">{"".join(_cells(cells))}</g>',
    ]
    if side > 1:
        parts.append(_text(0, height + NOTE, f"a cell is {side} {TIMES} {side} kernels"))
        height += NOTE
    return "".join(parts), height


def _cells(cells: np.ndarray) -> Iterator[str]:
    """Draw cells of size 1, those of one brightness by one path."""
    rows, columns = cells.shape
    gone = np.isnan(cells)
    yield from _path(gone, 'fill="url(#gone)"')
    levels = np.ceil(np.nan_to_num(cells) * (LEVELS - 1) - 1e-9).astype(int)
    for level in range(1, LEVELS):
        opacity = level / (LEVELS - 1)
        yield from _path(levels == level, f'fill="var(--pruned)" fill-opacity="{opacity:.2g}"')
    yield (
        f'<rect width="{columns}" height="{rows}" fill="none" stroke="var(--dense)" '
        'vector-effect="non-scaling-stroke" stroke-width=".6"/>'
    )


def _path(where: np.ndarray, style: str) -> Iterator[str]:
    """Draw cells as the runs that they are in rows; nothing where there is none."""
    edges = np.diff(np.pad(where.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
    runs = zip(starts.tolist(), ends[:, 1].tolist(), strict=True)
    path = "".join(f"M{x} {y}h{end - x}v1h{x - end}z" for (y, x), end in runs)
    if path:
        yield f'<path shape-rendering="crispEdges" {style} d="{path}"/>'


def _text(x: float, y: float, words: str, size: str = "9.5", weight: str = "400") -> str:
    style = f'fill="var(--ink)" font-size="{size}" font-weight="{weight}"'
    return f'<text x="{x:g}" y="{y:g}" {style}>{html.escape(words)}</text>'


def _legend(gone: bool) -> str:
    """Say what rows, columns and colours are."""
    shades = "".join(
        f'<rect x="{10 * level}" width="10" height="10" fill="var(--pruned)" '
        f'fill-opacity="{level / (LEVELS - 1):.2g}"/>'
        for level in range(LEVELS)
    )
    frame = 'fill="none" stroke="var(--dense)" stroke-width=".6"'
    parts = [
        _text(0, 9, "a row is an output, a column an input"),
        _text(216, 9, "taps that survive: none"),
        f'<g transform="translate(332 0)">{shades}',
        f'<rect width="{10 * LEVELS}" height="10" {frame}/></g>',
        _text(438, 9, "all"),
    ]
    if gone:
        parts += [
            '<path transform="translate(496 0) scale(4)" d="M0 0h6v2.5h-6z" fill="url(#gone)"/>',
            f'<rect x="496" width="24" height="10" {frame}/>',
            _text(526, 9, "feature map removed"),
        ]
    return f'<g transform="translate(0 4)">{"".join(parts)}</g>'
