"""What a selector is asked, and what it answers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch

from pruning.data import DataSet
from pruning.evaluate import BATCH, normalise
from pruning.masks import Masks
from pruning.models import Model
from pruning.progress import Progress, silent
from pruning.surgery import cut
from pruning.units import FeatureMaps


@dataclass(frozen=True, eq=False)
class Problem:
    """A question to a selector: which units of a trained model survive.

    Parameters
    ----------
    model : Model
        Trained model; never changed.
    data : DataSet
        Training pictures to learn from, validation pictures to judge by.
    units : tuple of FeatureMaps
        What can be pruned.
    keep : dict of str to int
        How many units of every layer survive; exactly.
    seed : int
        Decides every random choice.
    progress : Progress
        Told how far the selector is.
    """

    model: Model
    data: DataSet
    units: tuple[FeatureMaps, ...]
    keep: Mapping[str, int]
    seed: int = 0
    progress: Progress = silent

    @cached_property
    def first(self) -> int:
        """Position of the first layer that can be pruned."""
        names = [name for name, _ in self.model.module.named_children()]
        return min((names.index(unit.layer) for unit in self.units), default=0)

    @cached_property
    def stem(self) -> list[torch.Tensor]:
        """Batches of what the layers before the first pruned one make of the validation pictures.

        No mask changes it, so it is computed once.
        """
        head, images = self.model.module.eval()[: self.first], self.data.validation.images
        starts = range(0, len(images), BATCH)
        with torch.no_grad():
            return [head(normalise(images[i : i + BATCH], self.model.pixels)) for i in starts]

    def errors(self, masks: Masks) -> int:
        """Count the validation pictures that the model errs on once it is cut, not retrained."""
        tail = cut(self.model, masks).module.eval()[self.first :]
        with torch.no_grad():
            guesses = torch.cat([tail(x).argmax(dim=1) for x in self.stem])
        return int((guesses.numpy() != self.data.validation.labels).sum())


@dataclass(frozen=True, eq=False)
class Selection:
    """A selector's answer.

    Parameters
    ----------
    masks : dict of str to (units,) bool
        True survives.
    candidates : tuple of int
        Validation errors of every set of masks that was tried, in order; empty if none was.
    """

    masks: Masks
    candidates: tuple[int, ...] = ()


@dataclass(frozen=True)
class Selector(ABC):
    """What answers a `Problem`; its fields are its settings."""

    @abstractmethod
    def select(self, problem: Problem) -> Selection:
        """Choose masks with exactly ``problem.keep[layer]`` survivors in every layer."""
