import numpy as np
import pytest
import torch

from pruning.masks import mask, masked_units
from pruning.models import Model
from pruning.surgery import cut


def test_survivors_come_in_the_order_of_the_layers(trained: Model):
    masks = {"conv3": np.arange(10) % 2 == 0, "conv1": np.arange(6) > 3}
    pairs = [(unit.layer, index.tolist()) for unit, index in masked_units(trained, masks)]
    assert pairs == [("conv1", [4, 5]), ("conv3", [0, 2, 4, 6, 8])]


def test_mask_hides_a_map_from_its_consumer_alone(trained: Model):
    masked = mask(trained, {"conv3": np.arange(10) != 4}).module.state_dict()
    for key, value in trained.module.state_dict().items():
        if key != "linear.weight":
            assert torch.equal(masked[key], value)
    hidden = (masked["linear.weight"] == 0).reshape(10, 10, 16)
    assert hidden[:, 4].all()
    assert not hidden[:, [0, 1, 2, 3, 5, 6, 7, 8, 9]].all()


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        ({"linear": np.ones(10, bool)}, r"^masked layer must be one of conv1, .*, not 'linear'$"),
        ({"conv2": np.ones(7, bool)}, r"^mask of 'conv2' must be bool \(8,\), not bool \(7,\)$"),
        ({"conv2": np.ones(8, int)}, r"^mask of 'conv2' must be bool \(8,\), not int64 \(8,\)$"),
        ({"conv2": np.zeros(8, bool)}, r"^mask of 'conv2' must keep at least one feature map$"),
    ],
)
@pytest.mark.parametrize("apply", [cut, mask])
def test_masks_that_do_not_fit_are_refused(trained: Model, masks: dict, sentence: str, apply):
    with pytest.raises(ValueError, match=sentence):
        apply(trained, masks)
