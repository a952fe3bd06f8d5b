import numpy as np
import pytest
import torch

from pruning.models import Model, model_of
from pruning.selectors import Fpgm, fpgm
from pruning.zoo import build


def naive(vectors: list[np.ndarray]) -> list[float]:
    return [sum(float(np.linalg.norm(a - b)) for b in vectors) for a in vectors]


def test_kernels(ask, trained: Model):
    found = Fpgm().importance(ask(trained, "kernel"))
    for layer in ("conv2", "conv3"):
        weight = trained.module.tensors()[f"{layer}.weight"].detach().double().numpy()
        np.testing.assert_allclose(found[layer], naive(list(weight.reshape(-1, 9))), rtol=1e-9)


def test_maps_that_several_layers_make_are_vectors_of_all_their_weights(ask, coupled: Model):
    found = Fpgm().importance(ask(coupled, "feature-map"))
    parts = [coupled.module.tensors()[f"{name}.weight"].detach().double() for name in "abc"]
    vectors = [np.concatenate([part[at].flatten() for part in parts]) for at in range(6)]
    np.testing.assert_allclose(found["a"], naive(vectors), rtol=1e-9)


def test_shorter_units_are_filled_up_with_zeros(ask, trained: Model):
    problem = ask(trained, "intra-kernel-free")
    found = Fpgm().importance(problem)
    unit = problem.units[0]
    weight = trained.module.tensors()["conv2.weight"].detach().double().numpy()
    vectors = [weight[unit.labels["conv2"] == at] for at in range(unit.count)]
    sizes = [len(vector) for vector in vectors]
    assert len(set(sizes)) > 1
    filled = [np.pad(vector, (0, max(sizes) - len(vector))) for vector in vectors]
    np.testing.assert_allclose(found["conv2"], naive(filled), rtol=1e-9)


def test_single_weights(ask, trained: Model):
    found = Fpgm().importance(ask(trained, "weight"))["conv2"]
    weight = trained.module.tensors()["conv2.weight"].detach().double().numpy().ravel()
    np.testing.assert_allclose(found, np.abs(weight[:, None] - weight).sum(1), rtol=1e-9)


def test_hand_computed():
    np.testing.assert_array_equal(fpgm._differences(np.array([4.0, 0, 1, 1])), [10, 6, 4, 4])
    square = np.array([[0.0, 0], [3, 0], [0, 4], [3, 4]])
    np.testing.assert_array_equal(fpgm._distances(square), [12, 12, 12, 12])


@pytest.mark.parametrize("limit", [1, 7, 10**9])
def test_any_number_of_distances_at_a_time(monkeypatch, limit):
    monkeypatch.setattr(fpgm, "DISTANCES", limit)
    vectors = np.random.default_rng(0).normal(size=(13, 4))
    np.testing.assert_allclose(fpgm._distances(vectors), naive(list(vectors)), rtol=1e-12)


def test_twins_are_as_important_as_each_other_and_the_first_survives(ask, digits):
    module = build("chain", 5, widths=(3, 4))
    with torch.no_grad():
        weight = module.get_parameter("conv2.weight")
        weight[2] = weight[0]
    problem = ask(model_of(module, digits.pixels), "feature-map")
    found = Fpgm().importance(problem)["conv2"]
    assert found[0] == found[2]
    kept = Fpgm().select(problem).masks["conv2"]
    np.testing.assert_array_equal(kept, [False, True, False, True])  # twins replace each other
