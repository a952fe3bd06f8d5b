"""A linear model of the loss of random masks (Sandor, Pavel and Csato, arXiv 2001.08142)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pruning.masks import Masks
from pruning.selectors.additive import Additive, fit
from pruning.selectors.problem import Problem, Selection, Selector
from pruning.units import Units

TARGETS = ("loss", "log-loss", "errors")
GOLDEN = 0.6180339887498949  # multiples of it spread evenly over 0 to 1
TINY = 1e-12  # losses that are less are rounding


@dataclass(frozen=True)
class LinearEnsembles(Selector):
    """Remove the units whose removal adds the least to the loss, by a linear and additive model.

    Masks are drawn at random and measured on validation pictures; a regression says what every
    unit adds. An additive model is an approximation that holds near the masks that it is fitted
    to, so units go in steps, each with masks of its own. The paper's abstract gives the idea. It
    states neither the number of masks and steps, nor how masks are drawn, nor how the model is
    fitted: the settings are ours. Nothing is retrained between steps. Units are never merged:
    where there are more of them than masks, as of kernels, the penalty decides among the models
    that fit; a large one ranks by the difference between the costs of masks with and without a
    unit.

    Parameters
    ----------
    masks : int
        Masks drawn in every step, of every layer if it is not `joint`; at least 2. How much of
        the model is noise is ``held-out r2`` in the log.
    steps : int
        Times that units are removed, and the model is fitted again to what is left; the number of
        survivors of every row falls by the same factor each time. Steps that remove nothing are
        skipped.
    keep : float, optional
        Probability with which a drawn mask keeps a unit that is left, of which one of every name
        stays anyway; 0 to 1. Default: masks have exactly the survivors of the step.
    joint : bool
        One model of all layers, which are pruned at once. Else each layer has its own, and masks
        leave the others whole.
    target : str
        What is predicted: mean cross-entropy, ``"loss"``, its logarithm, ``"log-loss"``, or the
        number of ``"errors"``.
    ridge : float, optional
        Penalty on squared coefficients, above 0, as added to the diagonal of D'D. Default: the
        power of ten that predicts masks best that were left out.
    """

    masks: int = 100
    steps: int = 10
    keep: float | None = None
    joint: bool = True
    target: str = "loss"
    ridge: float | None = None

    def __post_init__(self) -> None:
        if self.masks < 2:
            raise ValueError(f"masks must be at least 2, not {self.masks!r}")
        if self.steps < 1:
            raise ValueError(f"steps must be at least 1, not {self.steps!r}")
        if self.keep is not None and not 0 < self.keep < 1:
            raise ValueError(f"keep must be above 0 and below 1, not {self.keep!r}")
        if self.target not in TARGETS:
            raise ValueError(f"target must be one of {', '.join(TARGETS)}, not {self.target!r}")
        if self.keep is not None and self.target == "errors":
            raise ValueError("target must be loss or log-loss, not 'errors', if keep is set")
        if self.ridge is not None and not self.ridge > 0:
            raise ValueError(f"ridge must be above 0, not {self.ridge!r}")

    def select(self, problem: Problem) -> Selection:
        """Draw, measure, fit and remove, step by step.

        Its log has, for every model: ``layers``, units ``kept`` behind the step, ``r2`` of the
        masks it was fitted to, ``held-out r2``, ``ridge`` and ``costs`` of the masks.
        """
        rng = np.random.default_rng(problem.seed)
        parts = [problem.units] if self.joint else [(unit,) for unit in problem.units]
        left: dict[str, np.ndarray] = {u.name: np.ones(u.count, bool) for u in problem.units}
        names = ("layers", "kept", "r2", "held-out r2", "ridge", "costs")
        log: dict[str, list] = {name: [] for name in names}
        total = len(parts) * self.steps
        for done in range(total):
            part, step = divmod(done, self.steps)
            units = tuple(self._at(unit, step + 1) for unit in parts[part])
            kept = sum(int(unit.keep.sum()) for unit in units)
            message = f"{kept} units left"
            if kept < sum(int(left[unit.name].sum()) for unit in units):
                model, costs = self._fitted(replace(problem, units=units), left, rng)
                ends = np.cumsum([unit.count for unit in units])[:-1]
                for unit, added in zip(units, np.split(model.coefficients, ends), strict=True):
                    left[unit.name] = unit.strongest(np.where(left[unit.name], added, -np.inf))
                layers = [unit.name for unit in units]
                scores = (model.fitted, model.held_out, model.ridge)
                for name, value in zip(log, (layers, kept, *scores, costs.tolist()), strict=True):
                    log[name].append(value)
                message += f", held-out R2 {model.held_out:.2f}"
            problem.progress("prune", done + 1, total, message)
        return Selection(left, tuple(problem.scores([left])), log=log)

    def _at(self, unit: Units, step: int) -> Units:
        """Units with the survivors of a step."""
        if step == self.steps:
            return unit
        sizes = np.diff(unit.starts)
        kept = sizes * (unit.keep / sizes.clip(min=1)) ** (step / self.steps)
        # Short rows are rounded in different steps, so that not all lose a unit at once.
        turns = (0.5 + GOLDEN * np.arange(len(sizes))) % 1
        return replace(unit, keep=np.floor(kept + turns).astype(int))

    def _fitted(
        self, problem: Problem, left: Masks, rng: np.random.Generator
    ) -> tuple[Additive, np.ndarray]:
        """Fit a model to masks that are drawn; and what they cost."""
        drawn = [self._drawn(problem.units, left, rng) for _ in range(self.masks)]
        removed = [np.concatenate([~m[unit.name] for unit in problem.units]) for m in drawn]
        costs = self._costs(problem, drawn)
        return fit(np.stack(removed), costs, self.ridge), costs

    def _drawn(self, units: Sequence[Units], left: Masks, rng: np.random.Generator) -> Masks:
        """Draw masks of units that are left."""
        drawn: dict[str, np.ndarray] = {}
        for unit in units:
            numbers = np.where(left[unit.name], rng.random(unit.count), -1)
            if self.keep is None:
                drawn[unit.name] = unit.strongest(numbers)
            else:
                drawn[unit.name] = (numbers > 1 - self.keep) | (numbers == numbers.max())
        return drawn

    def _costs(self, problem: Problem, drawn: Sequence[Masks]) -> np.ndarray:
        """Measure every mask: (masks,) float64."""
        if self.target == "errors":
            return np.array(problem.scores(drawn), float)
        losses = np.array([problem.scorer.loss(masks) for masks in drawn])
        return losses if self.target == "loss" else np.log(losses.clip(min=TINY))
