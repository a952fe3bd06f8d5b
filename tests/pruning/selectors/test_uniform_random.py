from dataclasses import replace

import numpy as np

from pruning.models import Model
from pruning.selectors import RandomMasks, UniformRandom


def test_it_is_the_first_of_the_random_masks(ask, trained: Model):
    problem = ask(trained, "kernel", seed=4)
    one, first = UniformRandom().select(problem), RandomMasks(1).select(problem)
    assert one.candidates == first.candidates
    for layer, mask in first.masks.items():
        np.testing.assert_array_equal(one.masks[layer], mask)


def test_every_unit_is_as_likely_as_any_other(ask, trained: Model):
    problem = ask(trained, "feature-map")
    problems = [replace(problem, seed=seed) for seed in range(400)]
    kept = [p.units[0].strongest(UniformRandom().importance(p)["conv2"]) for p in problems]
    assert np.abs(np.mean(kept, axis=0) - 0.5).max() < 0.12
