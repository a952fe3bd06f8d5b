"""With which probability units are pruned, and how it grows (arXiv 1709.06994, algorithm 1)."""

import numpy as np

from pruning.units import Units

LARGEST = 700.0  # exp of more overflows


def increment(rank: np.ndarray, count: np.ndarray, A: float, u: float) -> np.ndarray:
    """How much the probability of units grows, by their rank: equations 3 of the paper.

    From `A` at rank 0 it falls exponentially to ``u * A`` where the curve turns, and from there on
    mirrored at that point: through 0 at the rank that is the count, faster and faster.

    Parameters
    ----------
    rank : (units,) int
        From 0, the least important.
    count : (units,) int
        How many of the units that they compete with are still to go; positive.
    """
    alpha = np.log(2 / u) / count
    turn = -np.log(u) / alpha
    before = A * np.exp(-alpha * rank)
    # A * (2 * u - exp(-alpha * (2 * turn - rank))), but exactly 0 at the count
    after = -2 * u * A * np.expm1(np.minimum(alpha * (rank - count), LARGEST))
    return np.where(rank <= turn, before, after)


class Probabilities:
    """The probabilities of some units, from 0 each; at 1 a unit is gone.

    Parameters
    ----------
    units : Units
    A, u, smoothing : float
        As `pruning.selectors.probabilistic.Probabilistic` has them.
    """

    def __init__(self, units: Units, A: float, u: float, smoothing: float = 0.0) -> None:
        self.units, self.A, self.u, self.smoothing = units, A, u, smoothing
        self.values = np.zeros(units.count)
        self.importance = np.zeros(units.count)

    @property
    def left(self) -> np.ndarray:
        """Units that are not gone: (units,) bool."""
        return self.values < 1

    @property
    def to_prune(self) -> np.ndarray:
        """How many units of every row are still to go: (rows,) int."""
        rows, keep = self.units.rows, self.units.keep
        return np.bincount(rows[self.left], minlength=len(keep)) - keep

    def update(self, importance: np.ndarray) -> None:
        """Let probabilities grow and fall by the rank among those that are left in a row.

        Where no more of a row have to go, the others stay for good.
        """
        self.importance = self.smoothing * self.importance + importance
        rows, left = self.units.rows, self.left
        order = np.lexsort((self.importance, ~left, rows))  # stable: of equals, the first
        rank = np.empty(self.units.count, int)
        rank[order] = np.arange(self.units.count) - self.units.starts[rows]
        count = self.to_prune[rows]
        moves = left & (count > 0)
        step = increment(rank[moves], count[moves], self.A, self.u)
        self.values[moves] = np.clip(self.values[moves] + step, 0, 1)
        self.values[self.left & (self.to_prune[rows] == 0)] = 0

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw a mask (units,) of one step."""
        return rng.random(self.units.count) >= self.values

    def mask(self) -> np.ndarray:
        """Mask (units,) of the survivors; the least important go where too many are left."""
        return self.units.strongest(np.where(self.left, self.importance, -np.inf))
