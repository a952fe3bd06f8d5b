"""What every selector must do."""

import numpy as np
import pytest

from pruning.constraints import Constraints
from pruning.granularities import BALANCED, GRANULARITIES
from pruning.models import Model
from pruning.selectors import (
    SELECTORS,
    LinearEnsembles,
    ParticleFilter,
    Probabilistic,
    RandomMasks,
    Selector,
)

QUICK = {
    "random-masks": RandomMasks(4),
    "linear-ensembles": LinearEnsembles(masks=4, steps=2),
    "particle-filter": ParticleFilter(particles=5, generations=3),
    "probabilistic": Probabilistic(A=0.5, t=2, iterations=60, batch=16),
}
ALL = [QUICK.get(name, kind()) for name, kind in SELECTORS.items()]
EVERYWHERE = [
    (s, g)
    for s in ALL
    for g in GRANULARITIES
    if g == "feature-map" or s.__class__ != SELECTORS["bn-scale"]
]


def check(selector: Selector, problem):
    selection = selector.select(problem)
    assert set(selection.masks) == {unit.name for unit in problem.units}
    for unit in problem.units:
        unit.check(selection.masks[unit.name])
    again = selector.select(problem)
    for name, mask in selection.masks.items():
        np.testing.assert_array_equal(mask, again.masks[name])
    assert selection.candidates == again.candidates
    if selection.model is None:  # the weights that the masks are for
        assert min(selection.candidates) == problem.scores([selection.masks])[0]


@pytest.mark.parametrize(("selector", "granularity"), EVERYWHERE)
def test_masks_are_as_asked_for_and_repeatable(ask, trained: Model, selector, granularity):
    check(selector, ask(trained, granularity))


@pytest.mark.parametrize("selector", [s for s in ALL if not isinstance(s, SELECTORS["bn-scale"])])
@pytest.mark.parametrize("granularity", ["feature-map", "intra-kernel"])
def test_coupled_maps_and_depthwise_layers_are_no_exception(
    ask, coupled: Model, selector, granularity
):
    check(selector, ask(coupled, granularity))


@pytest.mark.parametrize("selector", [s for s in ALL if not isinstance(s, SELECTORS["bn-scale"])])
@pytest.mark.parametrize("granularity", BALANCED)
def test_rows_are_balanced_where_that_is_asked_for(ask, trained: Model, selector, granularity):
    check(selector, ask(trained, granularity, constraints=Constraints(balanced=True, group=2)))


@pytest.mark.parametrize("name", ["random-masks", "uniform-random", "particle-filter"])
def test_another_seed_gives_other_masks(ask, trained: Model, name):
    selector = QUICK.get(name, SELECTORS[name]())
    first, second = (selector.select(ask(trained, "kernel", seed=seed)).masks for seed in (1, 2))
    assert any((first[layer] != second[layer]).any() for layer in first)
