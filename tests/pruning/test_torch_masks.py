import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from pruning.importing import import_model
from pruning.reals import RealConv
from pruning.torch_masks import lift_masks
from pruning.unsupported import UnsupportedLayer
from tests.pruning.imports import conv, imported, pixels

SHAPE = (3, 8, 8)


def pruned() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential(conv(), nn.ReLU(), nn.Flatten(), nn.Linear(256, 3))
    prune.random_unstructured(model[0], "weight", 0.5)
    prune.l1_unstructured(model[0], "bias", 2)
    prune.ln_structured(model[3], "weight", 0.25, n=1, dim=1)
    model(torch.rand(2, *SHAPE)).sum().backward()  # leaves what deepcopy refuses
    return model


def test_masks_are_found_and_the_model_stays_as_it_is():
    model = pruned()
    copy, masks = lift_masks(model)
    assert masks.keys() == {"0", "3"}
    np.testing.assert_array_equal(masks["0"], model[0].get_buffer("weight_mask") == 1)
    np.testing.assert_array_equal(masks["3"].mean(), 0.75)
    assert prune.is_pruned(model)
    assert not prune.is_pruned(copy)
    x = torch.rand(2, *SHAPE)
    assert torch.equal(copy(x), model(x))


def test_a_model_that_is_not_pruned_has_no_masks():
    assert lift_masks(nn.Sequential(conv(), nn.BatchNorm2d(4)))[1] == {}


def test_masks_are_those_of_the_imported_layers():
    model = pruned()
    expected = model[0].get_buffer("weight_mask").numpy() == 1
    first, last = imported(model, SHAPE).layers
    assert isinstance(first, RealConv)
    assert isinstance(last, RealConv)
    assert first.mask is not None
    assert last.mask is not None
    np.testing.assert_array_equal(first.mask, expected)
    assert last.mask.mean() == 0.75
    assert np.count_nonzero(first.bias) == 2


def test_models_on_several_devices_and_compiled_ones():
    network = import_model(nn.DataParallel(pruned()), pixels(SHAPE))
    assert [layer.name for layer in network.layers] == ["layer0", "layer3"]
    model = nn.Sequential(conv())
    model.register_buffer("left", model(torch.rand(1, *SHAPE)))  # not a leaf
    with pytest.raises(UnsupportedLayer, match=r"^the model cannot be copied: Only Tensors"):
        import_model(model, pixels(SHAPE))
