"""What a selector is asked, and what it answers."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pruning.data import DataSet
from pruning.executors import Workers
from pruning.masks import Masks
from pruning.models import Model
from pruning.progress import Progress, silent
from pruning.score import Scorer
from pruning.units import Units


@dataclass(frozen=True, eq=False)
class Problem:
    """A question to a selector: which units of a trained model survive.

    Parameters
    ----------
    model : Model
        Trained model; never changed.
    data : DataSet
        Training pictures to learn from, validation pictures to judge by.
    units : tuple of Units
        What can be pruned, and how many of each row survive; exactly.
    seed : int
        Decides every random choice.
    progress : Progress
        Told how far the selector is.
    executor : Executor, optional
        Its workers score masks, see `pruning.executors`. Default: this process does.
    """

    model: Model
    data: DataSet
    units: tuple[Units, ...]
    seed: int = 0
    progress: Progress = silent
    executor: Executor | None = None

    @cached_property
    def scorer(self) -> Scorer:
        """Counts the validation pictures that the model errs on once it is pruned."""
        return Scorer(self.model, self.units, self.data.validation)

    @cached_property
    def _judge(self) -> Scorer | Workers:
        if self.executor is None:
            return self.scorer
        return Workers(self.executor, self.model, self.units, self.data.validation)

    def scores(self, masks: Iterable[Masks]) -> list[int]:
        """Count the validation errors of the model pruned by each of some masks."""
        return self._judge.scores(tuple(masks))

    def best(self, masks: Iterable[Masks]) -> tuple[int, int]:
        """Find the mask with the fewest validation errors, of equals the first.

        The choice is that of `scores`, but masks are given up as soon as they cannot win.

        Returns
        -------
        index, errors : int

        Raises
        ------
        ValueError
            If there are no masks.
        """
        return self._judge.best(tuple(masks))


@dataclass(frozen=True, eq=False)
class Selection:
    """A selector's answer.

    Parameters
    ----------
    masks : dict of str to (units,) bool
        True survives.
    candidates : tuple of int
        Validation errors of every set of masks that was tried, in order, or of the best one alone;
        empty if none was.
    model : Model, optional
        If the selector has trained the weights along the way: what the masks are to prune.
    log : dict of str to list
        What it saw on its way, for plots: lists of numbers by their names.
    """

    masks: Masks
    candidates: tuple[int, ...] = ()
    model: Model | None = None
    log: Mapping[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Selector(ABC):
    """What answers a `Problem`; its fields are its settings."""

    @abstractmethod
    def select(self, problem: Problem) -> Selection:
        """Choose masks with exactly the survivors that the problem's units ask for."""


def draw(units: tuple[Units, ...], rng: np.random.Generator) -> Masks:
    """Draw masks, every choice of the right size equally likely."""
    return {unit.name: unit.strongest(rng.random(unit.count)) for unit in units}
