"""Sensitivity: how much pruning one layer alone disturbs a model, by the share that survives.

Scans of one layer at a time by magnitude are those of Li et al. (Pruning Filters for Efficient
ConvNets, arXiv 1608.08710, figure 2), there of accuracy. Here it is the mean loss: of a thousand
pictures, errors come in steps of 0.1 % and often do not change where the loss already rises.
What is taken is the square root of its rise. To first order the loss rises with the square of what
is added to the maps, so roots add up over layers where rises do not: many layers, each of which
alone may lose much at hardly any loss, ruin a model together. No paper states this choice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch.nn import functional

from pruning.constraints import NONE, Constraints
from pruning.data import Split
from pruning.evaluate import logits
from pruning.example_masks import strongest
from pruning.granularities import candidates
from pruning.graph import Graph
from pruning.graph_module import GraphModule
from pruning.masks import pruned
from pruning.models import Model
from pruning.progress import Progress, silent
from pruning.units import Candidate

POINTS = (Fraction(3, 4), Fraction(1, 2), Fraction(1, 4))
STEPS = 64  # shares of one candidate that are told apart, at most


@dataclass(frozen=True, eq=False)
class Curve:
    """Root of the rise of the mean loss as fewer units of one candidate survive, all of others.

    Parameters
    ----------
    shares : (N,) float
        Where it was measured, ascending, the last one 1.
    losses : (N,) float
        Mean loss, as measured.
    """

    shares: np.ndarray
    losses: np.ndarray

    def __call__(self, shares: np.ndarray) -> np.ndarray:
        """Interpolate: never below zero, never falling as fewer survive, smooth between points.

        Piecewise cubic, with the slopes of Fritsch and Butland (A method for constructing local
        monotone piecewise cubic interpolants, 1984), in its simplest form: the harmonic mean of
        those on both sides, and at the ends that of the line.
        """
        x = self.shares
        rises = np.maximum(self.losses - self.losses[-1], 0)
        y = np.sqrt(np.maximum.accumulate(rises[::-1])[::-1])
        if len(x) == 1:
            return np.zeros(np.shape(shares))
        steps = np.diff(x)
        lines = np.diff(y) / steps  # none is positive
        inner = np.zeros(len(x) - 2)
        falls = (lines[1:] < 0) & (lines[:-1] < 0)
        both = lines[:-1][falls], lines[1:][falls]
        inner[falls] = 2 * both[0] * both[1] / (both[0] + both[1])
        slopes = np.concatenate((lines[:1], inner, lines[-1:]))
        at = np.clip(np.searchsorted(x, shares, side="right") - 1, 0, len(steps) - 1)
        t = (np.clip(shares, x[0], x[-1]) - x[at]) / steps[at]
        return (
            y[at] * (1 + 2 * t) * (1 - t) ** 2
            + y[at + 1] * t**2 * (3 - 2 * t)
            + steps[at] * (slopes[at] * t * (1 - t) ** 2 - slopes[at + 1] * t**2 * (1 - t))
        )


def shares_of(candidate: Candidate, constraints: Constraints = NONE) -> list[Fraction]:
    """Shares that a candidate can have, ascending, the last one 1; at most `STEPS` of them."""
    counts = range(constraints.multiple, candidate.count, constraints.multiple)
    shares = [Fraction(n, candidate.count) for n in counts]
    shares = [share for share in (candidate.least, *shares) if share >= candidate.least]
    shares = sorted(set(shares) - {Fraction(0)})
    return [*shares[:: -(-len(shares) // (STEPS - 1)) or 1], Fraction(1)]


def sensitivities(
    model: Model,
    split: Split,
    granularity: str,
    constraints: Constraints = NONE,
    points: Sequence[Fraction] = POINTS,
    progress: Progress = silent,
) -> dict[str, Curve]:
    """Measure the curve of every candidate, pruned alone by the magnitude of its weights.

    Parameters
    ----------
    split : Split
        Validation pictures; 1,000 are plenty.
    points : sequence of Fraction
        Shares at which to measure, beside the smallest one that a candidate can have.

    Returns
    -------
    dict of str to Curve
        By the name of the candidate.
    """
    found = model.module.graph
    known = candidates(found, granularity, constraints)
    whole, curves = mean_loss(model, found, split), {}
    for index, candidate in enumerate(known, 1):
        shares = shares_of(candidate, constraints)
        near = {min(shares, key=lambda share: abs(share - point)) for point in points}
        measured = sorted({*near, shares[0]} - {Fraction(1)})
        losses = []
        for share in measured:
            chosen = (candidate.units(share),)
            small = pruned(found, chosen, strongest(found, chosen))
            losses.append(mean_loss(model, small, split))
        at = np.array([float(share) for share in (*measured, 1)])
        curves[candidate.name] = Curve(at, np.array([*losses, whole]))
        progress("allocate", index, len(known), f"sensitivity of {candidate.name}")
    return curves


def mean_loss(model: Model, found: Graph, split: Split) -> float:
    """Mean cross-entropy of a graph's output for the pictures of a model."""
    scores = logits(GraphModule(found), model.pixels, split.images)
    scores = torch.from_numpy(scores).flatten(1).double()
    return float(functional.cross_entropy(scores, torch.as_tensor(split.labels)))
