from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from pruning.chain import UnsupportedLayer
from pruning.data import Pixels
from pruning.fold import Block, Pool, fold, input_scale
from pruning.models import Model, chain

COLOUR = Pixels((3, 6, 6), 8, (0.01, 0.02, 0.06), (100, 110, 120))


def apply(blocks: list[Block | Pool], x: torch.Tensor) -> torch.Tensor:
    for block in blocks:
        if isinstance(block, Pool):
            x = nn.functional.max_pool2d(x, block.kernel, block.stride, block.padding[::2])
            continue
        weight, bias = torch.tensor(block.weight), torch.tensor(block.bias)
        x = nn.functional.conv2d(
            x, weight, bias, block.stride, block.padding[::2], tuple(block.dilation)
        )
        x = x.relu() if block.relu else x
    return x


def test_folded_blocks_equal_the_chain():
    torch.manual_seed(0)
    model = chain(COLOUR, widths=(4, 5, 6), pools=(2,), seed=2)
    for key, value in model.module.state_dict().items():
        if key.startswith("bn"):
            low = 0.5 if "var" in key else -1.0
            value.copy_(torch.empty(value.shape).uniform_(low, 2))
    blocks = fold(model)
    assert [block.name for block in blocks] == ["conv1", "conv2", "pool2", "conv3", "linear"]
    pixels = torch.randint(-100, 100, (4, 3, 6, 6)).double()  # the offset is subtracted
    scale = torch.tensor(COLOUR.scale, dtype=torch.float64)[:, None, None]
    expected = model.module.double().eval()(pixels * scale)
    found = apply(blocks, pixels * input_scale(COLOUR)).flatten(1)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


CONV = nn.Conv2d(3, 3, 3, padding=1)


@pytest.mark.parametrize(
    ("layers", "name"),
    [
        ([CONV, nn.Conv2d(3, 3, 1)], "b"),
        ([CONV, nn.ReLU(), nn.BatchNorm2d(3)], "c"),
        ([CONV, nn.MaxPool2d(2)], "b"),
        ([CONV, nn.ReLU(), nn.ReLU()], "c"),
        ([nn.MaxPool2d(2), CONV], "a"),
    ],
)
def test_layers_out_of_order_are_refused(layers: list[nn.Module], name: str):
    module = nn.Sequential(OrderedDict(zip("abc", layers, strict=False)))
    with pytest.raises(UnsupportedLayer, match=rf"^layer '{name}' must keep to the order conv"):
        fold(Model(module, COLOUR))


@pytest.mark.parametrize("layers", [[], [CONV, nn.ReLU()]])
def test_the_last_layer_must_leave_sums(layers: list[nn.Module]):
    with pytest.raises(UnsupportedLayer, match=r"^the last layer must be a convolution or linear"):
        fold(Model(nn.Sequential(*layers), COLOUR))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(value: float):
    model = chain(COLOUR, widths=(4, 5), pools=())
    with torch.no_grad():
        model.module.get_parameter("bn2.weight")[3] = value
    with pytest.raises(ValueError, match=r"^layer 'conv2': weights must be finite$"):
        fold(model)
