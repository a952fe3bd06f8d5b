"""Distance from the geometric median (He et al., FPGM, arXiv 1811.00250)."""

from dataclasses import dataclass

import numpy as np
import torch

from pruning.masks import weights_of
from pruning.selectors.problem import Problem
from pruning.selectors.ranking import Importance, Ranking
from pruning.units import Labels, Units

DISTANCES = 2**22  # held at a time


@dataclass(frozen=True)
class Fpgm(Ranking):
    """Keep the units that are farthest from all others: those near the median can be replaced.

    Importance is the sum of Euclidean distances to all units of the same name, whatever their
    rows. The paper ranks filters of one layer. Here a unit is the vector of its weights, layer
    after layer where it has weights of several, each part filled up with zeros where others have
    more. Time grows with the square of the number of units; it is no more than that of sorting
    where units are single weights.
    """

    def importance(self, problem: Problem) -> Importance:
        """Sum the distances of every unit from the others."""
        weights = weights_of(problem.model.module.graph)
        return {unit.name: _distances(_vectors(unit, weights)) for unit in problem.units}


def _vectors(unit: Units, weights: Labels) -> np.ndarray:
    """Weights (units, values) of every unit."""
    parts = []
    for layer, labels in unit.owned.items():
        of = np.flatnonzero(labels.ravel() >= 0)
        order = of[np.argsort(labels.ravel()[of], kind="stable")]
        owner = labels.ravel()[order]
        sizes = np.bincount(owner, minlength=unit.count)
        place = np.arange(len(owner)) - (np.cumsum(sizes) - sizes)[owner]
        part = np.zeros((unit.count, sizes.max()))
        part[owner, place] = weights[layer].ravel()[order]
        parts.append(part)
    return np.concatenate(parts, axis=1)


def _distances(vectors: np.ndarray) -> np.ndarray:
    """Sum of Euclidean distances (units,) of every vector from all others."""
    count, size = vectors.shape
    if size == 1:
        return _differences(vectors[:, 0])
    points = torch.from_numpy(vectors)
    # Without products: they would leave twins a little apart, and break ties by chance.
    mode = "donot_use_mm_for_euclid_dist"
    rows = points.split(max(1, DISTANCES // count))
    return torch.cat([torch.cdist(row, points, compute_mode=mode).sum(1) for row in rows]).numpy()


def _differences(values: np.ndarray) -> np.ndarray:
    """Sum of absolute differences of every number from all others, by sorting."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    steps = np.diff(ascending, prepend=ascending[:1])
    below = np.arange(len(values))
    # A step away from the least number, and one nearer to the largest, at every number passed.
    distances = (ascending - ascending[0]).sum() + np.cumsum(steps * (2 * below - len(values)))
    found = np.empty(len(values))
    found[order] = distances
    return found
