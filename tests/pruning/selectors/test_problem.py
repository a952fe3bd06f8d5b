import numpy as np
import pytest

from pruning.data import DataSet
from pruning.evaluate import errors
from pruning.models import Model
from pruning.selectors import Problem
from pruning.surgery import cut
from pruning.units import feature_maps


@pytest.mark.parametrize("first", [0, 1, 2])
def test_errors_are_those_of_the_whole_cut_model(trained: Model, digits: DataSet, first: int):
    units = feature_maps(trained.module)[first:]
    problem = Problem(trained, digits, units, {})
    rng = np.random.default_rng(first)
    counts = set()
    for _ in range(4):
        masks = {unit.layer: rng.random(unit.count) < 0.8 for unit in units}
        smaller = cut(trained, masks)
        wrong = errors(smaller.module, smaller.pixels, digits.validation)
        assert problem.errors(masks) == wrong
        counts.add(wrong)
    assert len(counts) > 1
