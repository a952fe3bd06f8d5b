"""Selectors: each chooses which units survive; one file each."""

from pruning.selectors.bn_scale import BnScale
from pruning.selectors.fpgm import Fpgm
from pruning.selectors.l1 import L1
from pruning.selectors.linear_ensembles import LinearEnsembles
from pruning.selectors.particle_filter import ParticleFilter
from pruning.selectors.probabilistic import Probabilistic
from pruning.selectors.problem import Problem, Selection, Selector, draw
from pruning.selectors.random_masks import RandomMasks
from pruning.selectors.taylor import Taylor
from pruning.selectors.uniform_random import UniformRandom

__all__ = [
    "L1",
    "SELECTORS",
    "BnScale",
    "Fpgm",
    "LinearEnsembles",
    "ParticleFilter",
    "Probabilistic",
    "Problem",
    "RandomMasks",
    "Selection",
    "Selector",
    "Taylor",
    "UniformRandom",
    "draw",
]

SELECTORS: dict[str, type[Selector]] = {
    "random-masks": RandomMasks,
    "particle-filter": ParticleFilter,
    "linear-ensembles": LinearEnsembles,
    "probabilistic": Probabilistic,
    "uniform-random": UniformRandom,
    "l1": L1,
    "fpgm": Fpgm,
    "taylor": Taylor,
    "bn-scale": BnScale,
}
