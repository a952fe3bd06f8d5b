"""Example masks: what prunings to some shares look like before a selector has chosen any."""

import numpy as np

from pruning.coupling import makes
from pruning.graph import Graph
from pruning.masks import Masks, weights_of
from pruning.units import Labels, Units


def magnitudes(found: Graph) -> Labels:
    """Magnitudes of the weights of all layers that have some, by layer; 0 of pruned ones."""
    return {name: np.abs(weight) for name, weight in weights_of(found).items()}


def strongest(found: Graph, chosen: tuple[Units, ...]) -> Masks:
    """Masks of the units with the largest sums of magnitudes (L1)."""
    values = magnitudes(found)
    return {unit.name: unit.strongest(unit.totals(values)) for unit in chosen}


def largest(found: Graph, chosen: tuple[Units, ...]) -> Masks:
    """Masks of the units with the most weights, and of equals with the largest sums of magnitudes.

    No other masks of these units leave more weights. Units differ in size where kernels are pruned
    by strided grids.
    """
    values, left = magnitudes(found), {n.name: n.layer.mask for n in found.nodes if makes(n)}
    ones = {name: np.ones_like(v) for name, v in values.items()}
    ones |= {name: mask.numpy() for name, mask in left.items() if mask is not None}
    masks = {}
    for unit in chosen:
        order = np.lexsort((-np.arange(unit.count), unit.totals(values), unit.totals(ones)))
        rank = np.empty(unit.count)
        rank[order] = np.arange(unit.count)
        masks[unit.name] = unit.strongest(rank)
    return masks
