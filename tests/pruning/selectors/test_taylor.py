import numpy as np
import pytest
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from pruning.data import DataSet
from pruning.evaluate import normalise
from pruning.graph_module import GraphModule
from pruning.models import Model
from pruning.selectors import Problem, Taylor


def gates(problem: Problem, name: str, index: np.ndarray) -> np.ndarray:
    """Slope of the loss along a factor of all weights of each unit of a name."""
    (unit,) = (unit for unit in problem.units if unit.name == name)
    factors = torch.ones(unit.count + 1, requires_grad=True)
    module, split = problem.model.module, problem.data.train
    gated = {
        f"{layer}.weight": module.tensors()[f"{layer}.weight"].detach()
        * factors[torch.from_numpy(labels)]
        for layer, labels in unit.owned.items()
    }
    logits = functional_call(module, gated, (normalise(split.images[index], problem.model.pixels),))
    loss = cross_entropy(logits, torch.from_numpy(split.labels[index]))
    (slope,) = torch.autograd.grad(loss, factors)
    return slope[:-1].double().numpy()  # the last one is of weights without a unit


@pytest.mark.parametrize("granularity", ["feature-map", "kernel", "intra-kernel", "weight"])
def test_it_is_the_square_of_the_slope_along_a_factor(
    ask, trained: Model, digits: DataSet, granularity
):
    problem = ask(trained, granularity, seed=2)
    found = Taylor(pictures=50, batch=20).importance(problem)
    order = np.random.default_rng(2).permutation(len(digits.train))
    slopes = [gates(problem, "conv3", order[at : at + 20]) for at in (0, 20)]
    expected = np.mean(np.square(slopes), axis=0)
    np.testing.assert_allclose(found["conv3"], expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_coupled_layers_are_removed_together(ask, coupled: Model, digits: DataSet):
    problem = ask(coupled, "feature-map")
    found = Taylor().importance(problem)  # more pictures than there are: whole batches of them
    order = np.random.default_rng(0).permutation(len(digits.train))
    batches = [order[at : at + 256] for at in range(0, len(order) - 255, 256)]
    assert len(batches) > 1
    expected = np.mean([gates(problem, "a", index) ** 2 for index in batches], axis=0)
    np.testing.assert_allclose(found["a"], expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_the_model_stays_as_it_is(ask, trained: Model):
    module = GraphModule(trained.module.graph)
    module.train()  # which would average over each batch, and change the running statistics
    selector = Taylor(pictures=64, batch=32)
    found = selector.importance(ask(Model(module, trained.pixels), "kernel"))
    expected = selector.importance(ask(trained, "kernel"))
    np.testing.assert_array_equal(found["conv2"], expected["conv2"])
    assert module.training
    assert all(parameter.grad is None for parameter in module.parameters())
    for name, value in trained.module.tensors().items():
        assert torch.equal(module.tensors()[name], value)


@pytest.mark.parametrize("name", ["pictures", "batch"])
def test_settings_must_be_positive(name):
    with pytest.raises(ValueError, match=rf"^{name} must be at least 1, not 0$"):
        Taylor(**{name: 0})
