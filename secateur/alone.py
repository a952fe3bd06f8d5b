"""Layers of a design on their own: generated alone, to be measured between always-ready ends."""

from pathlib import Path
from typing import Any

import numpy as np

from hw.cells.portable import PORTABLE, Portable
from hw.cost import predict
from hw.fold import Fold, Folding
from hw.network import Network
from hw.plan import plan
from hw.verilog import emit
from sim.runner import Design

FRAMES = 6  # the last half of their intervals must agree


def layers_alone(
    name: str,
    network: Network,
    folding: Folding,
    pictures: np.ndarray,
    folder: Path,
    cells: Portable = PORTABLE,
) -> dict[str, tuple[Design, int]]:
    """Generate every layer of a design as a design of its own, with the fold that it has there.

    Parameters
    ----------
    name : str
        Of the whole design; begins the names of these.
    network : Network
    folding : Folding
    pictures : (N, C, H, W) int
        What enters the whole design; a layer is given what enters it there.
    folder : path
        Gets a folder a layer.
    cells : Portable
        What the design is made of.

    Returns
    -------
    dict of str to (Design, int)
        For every layer with one input, its design and the predicted cycles of a frame.
    """
    sources = {layer.name: layer.inputs[0] for layer in network.layers if len(layer.inputs) == 1}
    layers = [made for made in plan(network, folding) if made.name in sources]
    names = {name for made in layers for name in (made.name, sources[made.name])}
    maps = network.compute(pictures[:FRAMES], keep=names)
    found = {}
    for made in layers:
        source, alone = sources[made.name], network.alone(made.name)
        folds = {source: Fold(made.links[0].columns.lanes), made.name: folding[made.name]}
        path = folder / f"{name}_{made.name}"
        emit(alone, folds, path, top=path.name, cells=cells)
        design = Design(path.name, path, maps[source], {made.name: maps[made.name]})
        plans = plan(alone, folds, stages=cells.stages)
        found[made.name] = design, predict(alone, folds, plans).interval
    return found


def as_record(found: dict[str, tuple[Design, int]], results: list[Any]) -> dict[str, dict]:
    """Say for every layer what was predicted, what was simulated and how many elements differ."""
    by_name = {result.name: result for result in results}
    return {
        layer: {
            "predicted": cycles,
            "simulated": by_name[design.name].interval,
            "mismatches": by_name[design.name].mismatches,
        }
        for layer, (design, cycles) in found.items()
    }
