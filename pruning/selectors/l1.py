"""Magnitudes of weights (Li et al., Pruning Filters for Efficient ConvNets, arXiv 1608.08710)."""

from dataclasses import dataclass

from pruning.example_masks import magnitudes
from pruning.selectors.problem import Problem
from pruning.selectors.ranking import Importance, Ranking


@dataclass(frozen=True)
class L1(Ranking):
    """Keep the units whose weights have the largest sum of magnitudes.

    The paper ranks filters. A map that several layers make has the weights of all of them, and
    grids within kernels differ in size: it is the sum that counts, since the sum is what is kept.
    """

    def importance(self, problem: Problem) -> Importance:
        """Sum the magnitudes of every unit's weights."""
        values = magnitudes(problem.model.module.graph)
        return {unit.name: unit.totals(values) for unit in problem.units}
