"""Example masks: what prunings to some shares look like before a selector has chosen any."""

import numpy as np

from pruning.coupling import makes
from pruning.graph import Graph
from pruning.masks import Masks
from pruning.units import Labels, Units


def magnitudes(found: Graph) -> Labels:
    """Magnitudes of the weights of all layers that have some, by layer."""
    layers = (node for node in found.nodes if makes(node))
    return {node.name: node.tensors["weight"].abs().numpy() for node in layers}


def strongest(found: Graph, chosen: tuple[Units, ...]) -> Masks:
    """Masks of the units with the largest sums of magnitudes (L1)."""
    values = magnitudes(found)
    return {unit.name: unit.strongest(unit.totals(values)) for unit in chosen}


def largest(found: Graph, chosen: tuple[Units, ...]) -> Masks:
    """Masks of the units with the most weights, and of equals with the largest sums of magnitudes.

    No other masks of these units leave more weights. Units differ in size where kernels are pruned
    by strided grids.
    """
    values = magnitudes(found)
    ones = {name: np.ones_like(value) for name, value in values.items()}
    masks = {}
    for unit in chosen:
        order = np.lexsort((-np.arange(unit.count), unit.totals(values), unit.totals(ones)))
        rank = np.empty(unit.count)
        rank[order] = np.arange(unit.count)
        masks[unit.name] = unit.strongest(rank)
    return masks
