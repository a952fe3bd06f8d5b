"""An evolutionary particle filter (Anwar, Hwang and Sung, arXiv 1512.08571)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pruning.masks import Masks
from pruning.selectors.evolution import crossed, mutated
from pruning.selectors.problem import Problem, Selection, Selector, draw

LIKELIHOODS = ("softmax", "accuracy")


@dataclass(frozen=True)
class ParticleFilter(Selector):
    """Keep the best of masks that are weighted by their errors, resampled, crossed and mutated.

    A particle is a set of masks of all layers, with exactly the survivors that are asked for; its
    weight follows from its misclassification rate on validation pictures. The best particle ever
    seen wins, the first of equals. That much is from the paper's abstract and its authors' later
    description; how weights follow from errors, the genetic operators and all numbers are ours,
    except for the number of particles, which is that of the masks in arXiv 1610.09639.

    Parameters
    ----------
    particles : int
        Their number, in every generation.
    generations : int
        How often all of them are scored; the first are drawn at random.
    likelihood : str
        What the weight of a particle with error rate e is multiplied by: ``"softmax"``,
        ``exp(-(e - min e) / T)`` where T is the standard deviation of the rates of its
        generation, or ``"accuracy"``, ``1 - e``.
    anneal : float
        Factor of T from one generation to the next; above 0 and at most 1.
    resample : float
        Particles are resampled if the effective sample size is less than this part of their
        number; until then, weights accumulate. 0 is never.
    elites : int
        Best particles that pass to the next generation as they are; fewer than all.
    crossover : float
        Probability that a child has a second parent, drawn by weight.
    mutation : float
        Probability of each swap of a kept unit with a pruned one.
    """

    particles: int = 100
    generations: int = 10
    likelihood: str = "softmax"
    anneal: float = 0.9
    resample: float = 0.5
    elites: int = 1
    crossover: float = 0.5
    mutation: float = 0.02

    def __post_init__(self) -> None:
        for name in ("particles", "generations"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)!r}")
        if self.likelihood not in LIKELIHOODS:
            known = " or ".join(LIKELIHOODS)
            raise ValueError(f"likelihood must be {known}, not {self.likelihood!r}")
        if not 0 < self.anneal <= 1:
            raise ValueError(f"anneal must be above 0 and at most 1, not {self.anneal!r}")
        if not 0 <= self.elites < self.particles:
            raise ValueError(f"elites must be 0 to {self.particles - 1}, not {self.elites!r}")
        for name in ("resample", "crossover", "mutation"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {getattr(self, name)!r}")

    def select(self, problem: Problem) -> Selection:
        """Draw, and then score, weight, resample, cross and mutate, generation by generation.

        Its log has, for every generation: ``best`` and ``mean`` errors, the ``effective`` sample
        size, and ``weights`` of all particles.
        """
        rng, pictures = np.random.default_rng(problem.seed), len(problem.data.validation)
        particles: list[Masks] = [draw(problem.units, rng) for _ in range(self.particles)]
        weights = np.full(self.particles, 1 / self.particles)
        best, scores = particles[0], []
        log = {name: [] for name in ("best", "mean", "effective", "weights")}
        for generation in range(self.generations):
            errors = np.array(problem.scores(particles))
            if not scores or errors.min() < min(scores):
                best = particles[int(errors.argmin())]
            scores += errors.tolist()
            likelihoods = self._likelihoods(errors / pictures, generation)
            weights = normalised(weights * likelihoods)
            size = effective_size(weights)
            values = (int(errors.min()), float(errors.mean()), size, weights.tolist())
            for name, value in zip(log, values, strict=True):
                log[name].append(value)
            message = f"fewest validation errors {min(scores)} of {pictures}"
            problem.progress("prune", generation + 1, self.generations, message)
            if generation + 1 < self.generations:
                particles, weights = self._evolved(problem, particles, weights, errors, rng)
        return Selection(best, tuple(scores), log=log)

    def _likelihoods(self, rates: np.ndarray, generation: int) -> np.ndarray:
        if self.likelihood == "accuracy":
            return 1 - rates
        return softmax(rates, float(rates.std()) * self.anneal**generation)

    def _evolved(
        self,
        problem: Problem,
        particles: Sequence[Masks],
        weights: np.ndarray,
        errors: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[list[Masks], np.ndarray]:
        """Particles of the next generation, of which the first are the elites, and weights."""
        count, best = len(particles), np.argsort(errors, kind="stable")[: self.elites]
        if effective_size(weights) < self.resample * count:
            chosen = resampled(weights, count - len(best), rng.random())
            parents, weights = np.concatenate((best, chosen)), np.full(count, 1 / count)
        else:
            parents = np.concatenate((best, np.setdiff1d(np.arange(count), best)))
            weights = weights[parents]
        children = [particles[parent] for parent in parents]
        pool = list(children)
        for at in range(self.elites, count):
            if rng.random() < self.crossover:
                mate = pool[rng.choice(count, p=weights)]
                children[at] = crossed(problem.units, pool[at], mate, rng)
            children[at] = mutated(problem.units, children[at], self.mutation, rng)
        return children, weights


def softmax(rates: np.ndarray, temperature: float) -> np.ndarray:
    """Likelihoods ``exp(-(e - min e) / T)`` of error rates; all 1 at a temperature of 0.

    That is where all rates are the same.
    """
    return np.exp(-(rates - rates.min()) / temperature) if temperature else np.ones(len(rates))


def normalised(weights: np.ndarray) -> np.ndarray:
    """Weights with a sum of 1; all the same if all are 0."""
    total = weights.sum()
    return weights / total if total else np.full(len(weights), 1 / len(weights))


def effective_size(weights: np.ndarray) -> float:
    """Effective sample size of weights whose sum is 1: ``1 / sum(w**2)``."""
    return float(1 / (weights**2).sum())


def resampled(weights: np.ndarray, count: int, start: float) -> np.ndarray:
    """Systematic resampling: indices (count,), ascending, each about ``count * weight`` times.

    The k-th is the one in whose share of the summed weights ``(k + start) / count`` lies.

    Parameters
    ----------
    weights : (N,) float
        Their sum is 1.
    start : float
        0 to 1, without 1.
    """
    ends = np.cumsum(weights)
    places = (np.arange(count) + start) / count * ends[-1]
    return np.searchsorted(ends, places, side="right").clip(max=len(weights) - 1)
