"""What a search for folds asks of a budget, be it of multipliers or of area."""

from collections.abc import Hashable
from typing import Protocol, TypeVar

import numpy as np

from hw.fold import Folding
from hw.fold_choices import Choice

Price = TypeVar("Price", bound=Hashable)


class Budget(Protocol[Price]):
    """What folds may take, and what they cost at some prices of that.

    Attributes
    ----------
    price : Price
        The price that is tried first.
    resolution : float
        Least ratio of two intervals of which both are tried.
    """

    price: Price
    resolution: float

    def sift(self, choices: list[Choice]) -> list[Choice]:
        """Leave out choices that are of no use."""
        ...

    def costs(self, index: int, lanes: int, choices: list[Choice], price: Price) -> np.ndarray:
        """Costs of folds of a layer, by its place, that takes beats of some lanes."""
        ...

    def stream_cost(self, index: int, price: Price) -> float:
        """Cost of one more output that leaves a layer in a cycle, for each lane."""
        ...

    def may_fit(self, folding: Folding) -> bool:
        """Whether folds are within the budget as far as it is known."""
        ...

    def learn(self, folding: Folding) -> bool:
        """Put right what is known of some folds; return whether it was not known before."""
        ...

    def fits(self, folding: Folding) -> bool:
        """Whether folds are within the budget."""
        ...

    def dearer(self, price: Price, folding: Folding) -> Price | None:
        """Price to try if folds found at another one do not fit; None if that is of no use."""
        ...
