"""Selectors that rank: a number for each unit, and the largest survive."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from pruning.selectors.problem import Problem, Selection, Selector

Importance = dict[str, np.ndarray]
"""For the units of every name, a float for each: (units,)."""


@dataclass(frozen=True)
class Ranking(Selector):
    """Keep the most important units of every row; of equals, the first."""

    @abstractmethod
    def importance(self, problem: Problem) -> Importance:
        """Say how important every unit is; only the order within a row matters."""

    def select(self, problem: Problem) -> Selection:
        """Rank, choose, and count the errors of what is chosen.

        Raises
        ------
        ValueError
            If a unit's importance is not finite; the layer is named.
        """
        importance = self.importance(problem)
        for name, values in importance.items():
            if not np.isfinite(values).all():
                raise ValueError(f"layer {name!r}: importance of units must be finite")
        masks = {unit.name: unit.strongest(importance[unit.name]) for unit in problem.units}
        return Selection(masks, tuple(problem.scores([masks])))
