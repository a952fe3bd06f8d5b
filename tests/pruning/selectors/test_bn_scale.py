import numpy as np
import pytest
import torch

from pruning.constraints import Constraints
from pruning.models import Model
from pruning.selectors import BnScale


def test_a_chain(ask, trained: Model):
    found = BnScale().importance(ask(trained, "feature-map"))
    tensors = trained.module.tensors()
    for at in (2, 3):
        expected = tensors[f"bn{at}.weight"].detach().abs()
        np.testing.assert_allclose(found[f"conv{at}"], expected, rtol=1e-6)
    assert set(found) == {"conv2", "conv3"}


def test_maps_that_several_layers_make_have_the_scales_of_all(ask, coupled: Model):
    asked = ask(coupled, "feature-map", constraints=Constraints(layers=("b",)))
    found = BnScale().importance(asked)
    tensors = coupled.module.tensors()
    scales = torch.stack([tensors[f"{name}_bn.weight"].detach() for name in "abc"])
    assert (scales < 0).any()
    np.testing.assert_allclose(found["a"], scales.abs().sum(0), rtol=1e-6)


def test_maps_without_a_normalisation(ask, coupled: Model):
    message = r"^layer 'e': its maps must pass a batch normalisation$"
    with pytest.raises(ValueError, match=message):
        BnScale().select(ask(coupled, "feature-map"))


@pytest.mark.parametrize("granularity", ["kernel", "column", "intra-kernel"])
def test_anything_but_feature_maps(ask, trained: Model, granularity):
    message = rf"^layer 'conv2': granularity must be feature-map for bn-scale, not '{granularity}'$"
    with pytest.raises(ValueError, match=message):
        BnScale().select(ask(trained, granularity))
