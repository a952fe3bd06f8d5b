"""Taylor expansion of the loss (Molchanov et al., arXiv 1906.10771)."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from pruning.evaluate import normalise
from pruning.masks import weights_of
from pruning.selectors.problem import Problem
from pruning.selectors.ranking import Importance, Ranking


@dataclass(frozen=True)
class Taylor(Ranking):
    """Keep the units without which the loss would change the most, to first order.

    Importance is the square of the sum of gradient times weight over a unit's weights, averaged
    over batches of training pictures. The model is in evaluation mode: batch normalisation by
    statistics of the batch would make that sum vanish, since it undoes the scale of a filter.

    Parameters
    ----------
    pictures : int
        Training pictures, drawn without replacement; all if there are fewer, and whole batches
        only. Default: 30 batches, as in the authors' published settings, which prune step by step
        and average over the steps too, whereas this is one step.
    batch : int
        Pictures over whose mean loss a gradient is taken. Default: the authors'.
    """

    pictures: int = 7680
    batch: int = 256

    def __post_init__(self) -> None:
        for name, value in (("pictures", self.pictures), ("batch", self.batch)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")

    def importance(self, problem: Problem) -> Importance:
        """Average the squares over batches."""
        module, pixels, split = problem.model.module, problem.model.pixels, problem.data.train
        module = copy.deepcopy(module).eval()
        weights, tensors = weights_of(module.graph), module.tensors()
        keys = {n.name: n.key("weight") for n in module.structure.nodes if n.name in weights}
        order = np.random.default_rng(problem.seed).permutation(len(split))[: self.pictures]
        batch = min(self.batch, len(order))
        steps = len(order) // batch
        totals = {unit.name: np.zeros(unit.count) for unit in problem.units}
        for step in range(steps):
            index = order[step * batch : (step + 1) * batch]
            module.zero_grad()
            logits = module(normalise(split.images[index], pixels))
            cross_entropy(logits, torch.from_numpy(split.labels[index])).backward()
            products = {
                name: weight * _gradient(tensors[keys[name]]) for name, weight in weights.items()
            }
            for unit in problem.units:
                totals[unit.name] += unit.totals(products) ** 2 / steps
            problem.progress("prune", step + 1, steps, f"gradients of {batch} pictures")
        return totals


def _gradient(weight: torch.Tensor) -> np.ndarray:
    """Gradient of a weight, float64; zero if the loss does not depend on it."""
    gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
    return gradient.double().numpy()
