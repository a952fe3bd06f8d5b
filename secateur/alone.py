"""Layers of a design on their own: generated alone, to be measured between always-ready ends."""

from pathlib import Path
from typing import Any

import numpy as np

from hw.cost import predict
from hw.layers import Input
from hw.network import Network
from hw.plan import Folding
from hw.verilog import emit
from sim.runner import Design

FRAMES = 6  # the last half of their intervals must agree


def layers_alone(
    name: str, network: Network, folding: Folding, pictures: np.ndarray, folder: Path
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

    Returns
    -------
    dict of str to (Design, int)
        For every layer, its design and the predicted cycles of a frame.
    """
    sources = [layer for layer in network.layers if not isinstance(layer, Input)]
    names = {name for layer in sources for name in (layer.name, layer.source)}
    maps = network.compute(pictures[:FRAMES], keep=names)
    found = {}
    for layer in sources:
        alone, fold = network.alone(layer.name), {layer.name: folding[layer.name]}
        path = folder / f"{name}_{layer.name}"
        emit(alone, fold, path, top=path.name)
        design = Design(path.name, path, maps[layer.source], maps[layer.name])
        found[layer.name] = design, predict(alone, fold).interval
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
