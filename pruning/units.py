"""Units: what is cut together, at every granularity; which weights each has, and meets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

Labels = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Units:
    """Units that compete with each other: of one layer, or maps that the same layers make.

    Parameters
    ----------
    name : str
        Layer that has them; of maps that several layers make, the first.
    granularity : str
        One of `pruning.granularities.GRANULARITIES`.
    labels : dict of str to int array
        By layer, in the shape of its weight: the unit without which a weight is zero, -1 for none.
        A map is one of those that read it.
    rows : (units,) int
        Row of every unit, ascending from 0. How many survive is set row by row.
    keep : (rows,) int
        How many units of every row survive.
    own : dict of str to int array, optional
        As `labels`: the unit that a weight belongs to, by which it is judged. Default: `labels`.
    channels : (units,) int, optional
        Of maps: numbers in the graph's `pruning.coupling.Coupling`.
    """

    name: str
    granularity: str
    labels: Labels
    rows: np.ndarray
    keep: np.ndarray
    own: Labels | None = None
    channels: np.ndarray | None = None

    @property
    def count(self) -> int:
        """Number of units."""
        return len(self.rows)

    @property
    def owned(self) -> Labels:
        """By layer: the unit that a weight belongs to, by which it is judged."""
        return self.labels if self.own is None else self.own

    @cached_property
    def starts(self) -> np.ndarray:
        """First unit of every row, and the number of units: (rows + 1,)."""
        return np.searchsorted(self.rows, np.arange(len(self.keep) + 1))

    def totals(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Sum numbers of the weights of every unit: (units,) float64.

        Parameters
        ----------
        values : dict of str to array
            By layer, in the shape of its weight.
        """
        total = np.zeros(self.count)
        for layer, labels in self.owned.items():
            of = labels >= 0
            total += np.bincount(labels[of], values[layer][of], self.count)
        return total

    def strongest(self, values: np.ndarray) -> np.ndarray:
        """Mask (units,) of the units with the largest values; of equals, the first survive."""
        order = np.lexsort((np.arange(self.count), -values, self.rows))
        rank = np.empty(self.count, int)
        rank[order] = np.arange(self.count) - self.starts[self.rows]
        return rank < self.keep[self.rows]

    def check(self, mask: np.ndarray) -> None:
        """Check that a mask has the survivors that it must have.

        Raises
        ------
        ValueError
            If it has another shape or type, or a row has too many or too few.
        """
        shape, kind = np.shape(mask), getattr(mask, "dtype", type(mask))
        if shape != (self.count,) or kind != np.dtype(bool):
            raise ValueError(
                f"mask of {self.name!r} must be bool ({self.count},), not {kind} {shape}"
            )
        if not np.array_equal(np.bincount(self.rows[mask], minlength=len(self.keep)), self.keep):
            raise ValueError(f"mask of {self.name!r} must keep {int(self.keep.sum())} of its units")


@dataclass(frozen=True)
class Candidate:
    """What can be pruned together: a layer, or maps that the same layers make.

    Parameters
    ----------
    name : str
        Of the layer, or of the first one.
    units : Callable
        Makes the units of a share that survives; (0, 1].
    count : int
        Number of units, or of weights where a share decides what the units are.
    least : Fraction
        Smallest share that it can have.
    """

    name: str
    units: Callable[[Fraction], Units]
    count: int
    least: Fraction = Fraction(0)
