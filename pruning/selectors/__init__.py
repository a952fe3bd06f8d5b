"""Selectors: each chooses which units survive; one file each."""

from pruning.selectors.probabilistic import Probabilistic
from pruning.selectors.problem import Problem, Selection, Selector, draw
from pruning.selectors.random_masks import RandomMasks

__all__ = [
    "SELECTORS",
    "Probabilistic",
    "Problem",
    "RandomMasks",
    "Selection",
    "Selector",
    "draw",
]

SELECTORS: dict[str, type[Selector]] = {
    "random-masks": RandomMasks,
    "probabilistic": Probabilistic,
}
