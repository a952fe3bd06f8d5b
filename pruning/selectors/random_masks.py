"""Best of N random masks, drawn jointly over the layers (Anwar and Sung, arXiv 1610.09639)."""

from dataclasses import dataclass

import numpy as np

from pruning.masks import Masks
from pruning.selectors.problem import Problem, Selection, Selector, draw


@dataclass(frozen=True)
class RandomMasks(Selector):
    """Keep the random masks with the fewest validation errors; the first of equals.

    Parameters
    ----------
    candidates : int
        Number of masks drawn; each prunes all layers at once, so that units are judged together.
    """

    candidates: int = 100

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"candidates must be at least 1, not {self.candidates!r}")

    def select(self, problem: Problem) -> Selection:
        """Draw, score and choose."""
        rng = np.random.default_rng(problem.seed)
        best: Masks = {}
        scores: list[int] = []
        for index in range(1, self.candidates + 1):
            masks = draw(problem.units, rng)
            score = problem.scorer.errors(masks)
            if not scores or score < min(scores):
                best = masks
            scores.append(score)
            message = f"fewest validation errors {min(scores)} of {len(problem.data.validation)}"
            problem.progress("prune", index, self.candidates, message)
        return Selection(best, tuple(scores))
