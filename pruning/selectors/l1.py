"""Magnitudes of weights (Li et al., Pruning Filters for Efficient ConvNets, arXiv 1608.08710)."""

from dataclasses import dataclass

import numpy as np

from pruning.selectors.problem import Problem
from pruning.selectors.ranking import Importance, Ranking, weights_of


@dataclass(frozen=True)
class L1(Ranking):
    """Keep the units whose weights have the largest sum of magnitudes.

    The paper ranks filters. A map that several layers make has the weights of all of them, and
    grids within kernels differ in size: it is the sum that counts, since the sum is what is kept.
    """

    def importance(self, problem: Problem) -> Importance:
        """Sum the magnitudes of every unit's weights."""
        weights = weights_of(problem.model.module.graph)
        magnitudes = {name: np.abs(weight) for name, weight in weights.items()}
        return {unit.name: unit.totals(magnitudes) for unit in problem.units}
