"""Best of N random masks, drawn jointly over the layers (Anwar and Sung, arXiv 1610.09639)."""

from dataclasses import dataclass

import numpy as np

from pruning.selectors.problem import Problem, Selection, Selector, draw

AT_A_TIME = 64  # masks that are scored between two reports of progress


@dataclass(frozen=True)
class RandomMasks(Selector):
    """Keep the random masks with the fewest validation errors; the first of equals.

    Parameters
    ----------
    candidates : int
        Number of masks drawn; each prunes all layers at once, so that units are judged together.
    all_scores : bool
        Whether the errors of all masks are wanted; if not, those that cannot win are given up, and
        only the best one's are known. The choice is the same.
    """

    candidates: int = 100
    all_scores: bool = True

    def __post_init__(self) -> None:
        if self.candidates < 1:
            raise ValueError(f"candidates must be at least 1, not {self.candidates!r}")

    def select(self, problem: Problem) -> Selection:
        """Draw, score and choose."""
        rng, images = np.random.default_rng(problem.seed), len(problem.data.validation)
        masks = [draw(problem.units, rng) for _ in range(self.candidates)]
        if self.all_scores:
            scores: list[int] = []
            for start in range(0, len(masks), AT_A_TIME):
                scores += problem.scores(masks[start : start + AT_A_TIME])
                message = f"fewest validation errors {min(scores)} of {images}"
                problem.progress("prune", len(scores), len(masks), message)
            return Selection(masks[int(np.argmin(scores))], tuple(scores))
        index, errors = problem.best(masks)
        message = f"fewest validation errors {errors} of {images}"
        problem.progress("prune", len(masks), len(masks), message)
        return Selection(masks[index], (errors,))
