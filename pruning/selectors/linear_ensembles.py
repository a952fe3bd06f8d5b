"""A linear model of the loss of random masks (Sandor, Pavel and Csato, arXiv 2001.08142)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pruning.masks import Masks
from pruning.selectors.additive import fit
from pruning.selectors.problem import Problem, Selection, Selector, draw
from pruning.selectors.ranking import Importance, strongest
from pruning.units import Units

TARGETS = ("loss", "errors")


@dataclass(frozen=True)
class LinearEnsembles(Selector):
    """Remove the units whose removal adds the least to the loss, by a linear and additive model.

    Masks are drawn at random and measured on validation pictures; a regression says what every
    unit adds. The paper's abstract gives the idea. It states neither the number of masks, nor how
    they are drawn, nor how the model is fitted: the settings are ours. Units are never merged:
    where there are more of them than masks, as of kernels, the penalty decides among the models
    that fit, and one that is large ranks by the mean loss of the masks that have a unit.

    Parameters
    ----------
    masks : int
        Masks drawn, of every layer if it is not `joint`; at least 2. Five to ten times the number
        of units is needed for a model of which most is not noise: see ``held-out r2`` in the log.
    keep : float, optional
        Probability with which a drawn mask keeps a unit, of which one of every name stays anyway;
        0 to 1. Default: masks have exactly the survivors that are asked for, since the model is
        an approximation that is best where it is fitted.
    joint : bool
        One model of all layers, which are pruned at once. Else each layer has its own, and masks
        leave the others whole.
    target : str
        What is predicted: mean cross-entropy, ``"loss"``, or the number of ``"errors"``.
    ridge : float, optional
        Penalty on squared coefficients, above 0, as added to the diagonal of D'D. Default: the
        power of ten that predicts masks best that were left out.
    """

    masks: int = 1000
    keep: float | None = None
    joint: bool = True
    target: str = "loss"
    ridge: float | None = None

    def __post_init__(self) -> None:
        if self.masks < 2:
            raise ValueError(f"masks must be at least 2, not {self.masks!r}")
        if self.keep is not None and not 0 < self.keep < 1:
            raise ValueError(f"keep must be above 0 and below 1, not {self.keep!r}")
        if self.target not in TARGETS:
            raise ValueError(f"target must be {' or '.join(TARGETS)}, not {self.target!r}")
        if self.keep is not None and self.target == "errors":
            raise ValueError("target must be loss, not 'errors', if keep is set")
        if self.ridge is not None and not self.ridge > 0:
            raise ValueError(f"ridge must be above 0, not {self.ridge!r}")

    def select(self, problem: Problem) -> Selection:
        """Draw, measure, fit and rank.

        Its log has, for every model: ``layers``, ``r2`` of the masks it was fitted to, ``held-out
        r2``, ``ridge`` and ``costs`` of the masks.
        """
        rng = np.random.default_rng(problem.seed)
        parts = [problem.units] if self.joint else [(unit,) for unit in problem.units]
        importance: Importance = {}
        log = {name: [] for name in ("layers", "r2", "held-out r2", "ridge", "costs")}
        for units in parts:
            drawn = [self._drawn(units, rng) for _ in range(self.masks)]
            costs = self._costs(problem, drawn)
            removed = [np.concatenate([~masks[u.name] for u in units]) for masks in drawn]
            model = fit(np.stack(removed), costs, self.ridge)
            ends = np.cumsum([unit.count for unit in units])
            for unit, values in zip(units, np.split(model.coefficients, ends[:-1]), strict=True):
                importance[unit.name] = values
            layers = [unit.name for unit in units]
            values = (layers, model.fitted, model.held_out, model.ridge, costs.tolist())
            for name, value in zip(log, values, strict=True):
                log[name].append(value)
        return strongest(problem, importance, log)

    def _drawn(self, units: Sequence[Units], rng: np.random.Generator) -> Masks:
        if self.keep is None:
            return draw(tuple(units), rng)
        numbers = {unit.name: rng.random(unit.count) for unit in units}
        return {name: (n < self.keep) | (n == n.min()) for name, n in numbers.items()}

    def _costs(self, problem: Problem, drawn: Sequence[Masks]) -> np.ndarray:
        """Loss, or errors, of the model pruned by every mask: (masks,) float64."""
        if self.target == "errors":
            return np.array(problem.scores(drawn), float)
        costs: list[float] = []
        for masks in drawn:
            costs.append(problem.scorer.loss(masks))
            message = f"mean cross-entropy {np.mean(costs):.3f}"
            problem.progress("prune", len(costs), len(drawn), message)
        return np.array(costs)
