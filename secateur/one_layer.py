"""One layer of a network, run alone on what enters it there, every integer compared."""

from collections.abc import Callable, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np

from hw.cells.portable import PORTABLE, Portable
from hw.cost import predict
from hw.network import Network
from hw.plan import Fold, Folding, plan
from hw.verilog import emit
from secateur.complaints import differences, unlike
from secateur.errors import VerificationError
from sim.runner import Design, Stalls, simulate


def simulate_layer(
    network: Network,
    folding: Folding,
    layer: str,
    pictures: np.ndarray,
    folder: Path,
    *,
    stalls: Sequence[Stalls],
    seed: int = 0,
    progress: Callable[[str], None] = lambda message: None,
    cells: Portable = PORTABLE,
) -> dict[str, Any]:
    """Generate one layer with its fold and simulate it.

    Parameters
    ----------
    network : Network
    folding : Folding
        Of the whole network.
    layer : str
        Name of the layer.
    pictures : (N, C, H, W) int
        What enters the network; the layer is given what enters it there.
    folder : path
        Gets the layer's Verilog, and the builds.
    stalls : sequence of Stalls
        Runs; the first never stalls, and is held to the predicted cycles.
    seed : int
        Of the stalls.
    progress : callable
        Is told what begins.
    cells : Portable
        What the layer is made of.

    Returns
    -------
    dict
        Plain data: fold, frames, elements compared, interval and latency.

    Raises
    ------
    ValueError
        If there is no such layer, or it is the input.
    VerificationError
        If an integer, or a number of cycles, is not what it must be.
    """
    source = _source(network, layer)
    maps = network.compute(pictures, keep={source, layer})
    alone = network.alone(layer)
    made = next(made for made in plan(network, folding) if made.name == layer)
    folds = {source: Fold(made.links[0].columns.lanes), layer: folding[layer]}
    name = f"{network.name}_{layer}"
    path = folder / name
    emit(alone, folds, path, top=name, cells=cells)
    cost = predict(alone, folds, plan(alone, folds, stages=cells.stages))
    results = simulate(
        [Design(name, path, maps[source], {layer: maps[layer]})],
        folder / "simulation",
        stalls=stalls,
        seed=seed,
        progress=progress,
    )
    complaints = differences(name, results)
    for key in ("interval", "latency"):
        simulated, predicted = getattr(results[0], key), getattr(cost, key)
        if simulated != predicted:
            complaints.append(unlike(f"{name}: {key}", predicted, simulated))
    if complaints:
        raise VerificationError("; ".join(complaints))
    return {
        "schema": "secateur.simulate-layer/1",
        "network": network.name,
        "layer": layer,
        "fold": list(astuple(folds[layer])),
        "frames": len(pictures),
        "elements": int(maps[layer].size),
        "stalls": [str(case) for case in stalls],
        "interval": cost.interval,
        "latency": cost.latency,
    }


def _source(network: Network, layer: str) -> str:
    """Name of the layer that feeds a layer."""
    for known in network.layers:
        if known.name == layer and len(known.inputs) == 1:
            return known.inputs[0]
    names = ", ".join(known.name for known in network.layers if len(known.inputs) == 1)
    raise ValueError(f"--layer must be one of {names}, not {layer!r}")
