import numpy as np
import pytest

from pruning.budget import macs_with, survivors
from pruning.models import Model
from pruning.surgery import cut

COUNTS = (("conv2", 8), ("conv3", 10))


@pytest.mark.parametrize("keep", [{"conv2": 3, "conv3": 7}, {"conv2": 8, "conv3": 1}, {}])
def test_predicted_macs_are_those_of_the_cut_model(trained: Model, keep: dict[str, int]):
    counts = {"conv2": 8, "conv3": 10}
    masks = {name: np.arange(counts[name]) < number for name, number in keep.items()}
    assert macs_with(trained, keep) == cut(trained, masks).macs


@pytest.mark.parametrize("ratio", [0, 0.1, 0.3, 0.5, 0.8])
def test_budget_is_met_with_the_least_pruning(trained: Model, ratio: float):
    keep = survivors(trained, ratio)
    limit = (1 - ratio) * trained.macs
    assert set(keep) == {"conv2", "conv3"}  # not the first convolution, not the logits
    assert macs_with(trained, keep) <= limit
    shares = sorted({k / n for _, n in COUNTS for k in range(1, n + 1)})
    steps = [{name: max(1, int(share * n + 1e-9)) for name, n in COUNTS} for share in shares]
    more = max(index for index, step in enumerate(steps) if step == keep) + 1
    assert all(macs_with(trained, step) > limit for step in steps[more:])


def test_no_pruning_is_a_budget_too(trained: Model):
    assert survivors(trained, 0) == dict(COUNTS)


def test_budget_that_cannot_be_met(trained: Model):
    with pytest.raises(ValueError, match=r"^ratio must be at most 0\.8\d\d, not 0\.99$"):
        survivors(trained, 0.99)
    with pytest.raises(ValueError, match=r"^ratio must be at least 0 and below 1, not 1$"):
        survivors(trained, 1)
