"""Which kernels of a pruned network survive, at the places they had before."""

import math

import numpy as np

from hw.layers import Concat, Conv
from hw.network import Network


def surviving_kernels(before: Network, after: Network) -> dict[str, np.ndarray]:
    """Find what survives of every kernel of every layer that was pruned.

    Parameters
    ----------
    before, after : Network
        A network, and what pruning left of it; layers are known by their names.

    Returns
    -------
    dict of str to (O, C // groups) float
        Part of a kernel's taps that survive, 0 to 1; NaN where the output or the input is gone.
        Outputs and inputs are counted before pruning. Layers that nothing was taken from are left
        out.
    """
    dense = {layer.name: layer for layer in before.layers if isinstance(layer, Conv)}
    numbers = original_channels(before, after)
    found = {}
    for layer in after.layers:
        if not isinstance(layer, Conv):
            continue
        outputs, width = dense[layer.name].weight.shape[:2]
        kernels = np.full((outputs, width), np.nan)
        rows = np.array(layer.channels)[:, None]
        group = np.arange(len(rows))[:, None] // (len(rows) // layer.groups)
        inputs = group * layer.weight.shape[1] + np.arange(layer.weight.shape[1])
        columns = np.array(numbers[layer.source])[inputs] % width
        kernels[rows, columns] = layer.survivors.mean((2, 3))
        if not (kernels == 1).all():
            found[layer.name] = kernels
    return found


def original_channels(before: Network, after: Network) -> dict[str, tuple[int, ...]]:
    """Find the number, before pruning, of every channel of every layer's result."""
    numbers: dict[str, tuple[int, ...]] = {}
    for layer in after.layers:
        if isinstance(layer, Concat):
            sizes = [before.formats[source].shape[0] for source in layer.sources]
            starts = np.cumsum([0, *sizes]).tolist()
            parts = zip(starts, layer.sources, strict=False)
            found = tuple(start + n for start, source in parts for n in numbers[source])
        elif isinstance(layer, Conv) or not layer.inputs:
            found = tuple(after.formats[layer.name].channels)
        else:
            found = numbers[layer.inputs[0]]  # pooling, or an add, whose first has every channel
        numbers[layer.name] = found
    return numbers


def blocks(kernels: np.ndarray, most: int) -> tuple[np.ndarray, int]:
    """Average kernels so that at most some rows and columns are left.

    Parameters
    ----------
    kernels : (O, C) float
        As `surviving_kernels` finds them.
    most : int
        Rows and columns that may be left.

    Returns
    -------
    cells : (rows, columns) float
        Means, in which a kernel that is gone is 0; NaN where all are gone.
    side : int
        Kernels along either side of a cell.
    """
    side = math.ceil(max(kernels.shape) / most)
    starts = [np.arange(0, size, side) for size in kernels.shape]
    there = ~np.isnan(kernels)

    def total(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)

    counts = total(np.ones(kernels.shape))
    cells = total(np.where(there, kernels, 0.0)) / counts
    return np.where(total(there.astype(int)) > 0, cells, np.nan), side
