import numpy as np
import pytest

from pruning.models import Model
from pruning.selectors import L1


def test_kernels(ask, trained: Model):
    found = L1().importance(ask(trained, "kernel"))
    for layer in ("conv2", "conv3"):
        weight = trained.module.tensors()[f"{layer}.weight"].detach().numpy()
        expected = [np.abs(kernel).sum() for filters in weight for kernel in filters]
        np.testing.assert_allclose(found[layer], expected, rtol=1e-6)


def test_maps_that_several_layers_make_have_the_weights_of_all(ask, coupled: Model):
    found = L1().importance(ask(coupled, "feature-map"))
    tensors = coupled.module.tensors()
    expected = [
        sum(float(tensors[f"{name}.weight"][at].detach().abs().sum()) for name in "abc")
        for at in range(6)
    ]
    np.testing.assert_allclose(found["a"], expected, rtol=1e-5)
    alone = tensors["e.weight"].detach().abs().sum((1, 2, 3))
    np.testing.assert_allclose(found["e"], alone, rtol=1e-5)


@pytest.mark.parametrize("granularity", ["intra-kernel", "intra-kernel-free"])
def test_of_a_grid_what_it_keeps_counts(ask, trained: Model, granularity):
    problem = ask(trained, granularity)
    found, masks = L1().importance(problem), L1().select(problem).masks
    for unit in problem.units:
        weight = trained.module.tensors()[f"{unit.name}.weight"].detach().numpy()
        expected = [np.abs(weight[unit.labels[unit.name] == at]).sum() for at in range(unit.count)]
        np.testing.assert_allclose(found[unit.name], expected, rtol=1e-6)
        for row in range(len(unit.keep)):
            (kept,) = np.flatnonzero(masks[unit.name] & (unit.rows == row))
            assert expected[kept] == max(np.array(expected)[unit.rows == row])
