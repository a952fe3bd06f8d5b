"""One random mask: what any other selector must beat."""

from dataclasses import dataclass

import numpy as np

from pruning.selectors.problem import Problem
from pruning.selectors.ranking import Importance, Ranking


@dataclass(frozen=True)
class UniformRandom(Ranking):
    """Keep units at random, every choice equally likely."""

    def importance(self, problem: Problem) -> Importance:
        """Draw a number for every unit."""
        rng = np.random.default_rng(problem.seed)
        return {unit.name: rng.random(unit.count) for unit in problem.units}
