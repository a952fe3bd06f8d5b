from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from pruning.importing import import_model
from pruning.reals import RealConv
from pruning.unsupported import UnsupportedLayer
from tests.pruning.imports import SHAPE, Model, conv, imported, pixels, shaken


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", [tuple, list, lambda p: dict(zip("ab", p, strict=True))])
def test_several_outputs(kind: Callable):
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.a(x)
        return kind((m.b(y), y))

    network = imported(Model(forward, a=conv(), b=nn.Sequential(conv(4), nn.ReLU())), SHAPE)
    assert network.outputs == ("b_0", "a")


def test_the_module_stays_as_it_is():
    model = shaken(nn.Sequential(conv(), nn.BatchNorm2d(4)))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    import_model(model.train(), pixels(SHAPE))
    assert model.training
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])
        assert value.dtype == before[key].dtype


def test_masks_are_of_the_weights_they_name():
    model = nn.Sequential(conv(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(256, 3))
    rng = torch.Generator().manual_seed(3)
    masks = {
        "0": (torch.rand(4, 3, 3, 3, generator=rng) < 0.5).numpy(),
        "3": (torch.rand(3, 256, generator=rng) < 0.5).numpy(),
    }
    network = import_model(model, pixels(SHAPE), masks=masks)
    first, last = network.layers
    assert isinstance(first, RealConv)
    assert isinstance(last, RealConv)
    for layer, mask in ((first, masks["0"]), (last, masks["3"].reshape(3, 4, 8, 8))):
        assert layer.mask is not None
        assert (layer.mask == mask).all()
        assert not layer.weight[~mask].any()
        assert layer.weight[mask].all()
        assert layer.granularity == "weight"


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        ({"7": 0}, r"^mask '7' must be of a convolution or linear layer$"),
        ({"1": 0}, r"^mask '1' must be of a convolution or linear layer$"),
        (
            {"0": torch.ones(4, 3).bool().numpy()},
            r"^mask '0' must be bool \(4, 3, 3, 3\), not bool",
        ),
        ({"0": torch.ones(4, 3, 3, 3).numpy()}, r"^mask '0' must be bool .*, not float32"),
    ],
)
def test_masks_that_fit_no_weight_are_refused(masks: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        import_model(nn.Sequential(conv(), nn.BatchNorm2d(4)), pixels(SHAPE), masks=masks)


def test_a_model_that_computes_something_else_each_time_is_refused():
    model = Model(lambda m, x: m.conv(x) * float(torch.rand(())), conv=conv())
    imported_once = import_model(model, pixels(SHAPE))  # a number is what it was when traced
    assert isinstance(imported_once.layers[0], RealConv)
    with pytest.raises(UnsupportedLayer, match=r"^output 'flatten': the imported network is off"):
        import_model(Model(_changes_behind_a_view, conv=conv()), pixels(SHAPE))


def _changes_behind_a_view(m: Any, x: torch.Tensor) -> torch.Tensor:
    y = m.conv(x)
    z = y.flatten(1)
    y.relu_()
    return z
