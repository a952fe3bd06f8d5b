from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pruning.importing import import_model
from pruning.unsupported import UnsupportedLayer
from tests.pruning.imports import Model, conv, pixels, shaken

SHAPE = (4, 8, 8)


def refused(module: nn.Module, sentence: str, shape: tuple[int, int, int] = SHAPE) -> None:
    with pytest.raises(UnsupportedLayer, match=sentence) as caught:
        import_model(module, pixels(shape))
    assert "\n" not in str(caught.value)


MODULES = [
    (nn.SiLU(), "SiLU is not supported; use ReLU or ReLU6"),
    (nn.LeakyReLU(), "LeakyReLU is not supported; use ReLU or ReLU6"),
    (
        nn.Softmax(1),
        "Softmax is not supported; remove it at the end, where the largest",
    ),
    (nn.GroupNorm(2, 4), "GroupNorm is not supported; use BatchNorm2d"),
    (nn.InstanceNorm2d(4), "InstanceNorm2d is not supported; use BatchNorm2d"),
    (nn.ConvTranspose2d(4, 4, 2), "ConvTranspose2d is not supported; only layers that keep or"),
    (nn.Upsample(scale_factor=2), "Upsample is not supported; only layers that keep or reduce"),
    (nn.ReflectionPad2d(1), "ReflectionPad2d is not supported; use zero padding"),
    (nn.ConstantPad2d(1, 0.5), r"must pad with zeros, not 0.5"),
    (nn.ZeroPad2d(-1), r"must add to rows, columns or channels, not \(-1, -1, -1, -1\)"),
    (conv(4, padding_mode="circular"), "padding_mode must be 'zeros', not 'circular'"),
    (nn.MaxPool2d(3, 1, dilation=2), "dilation must be 1, not 2"),
    (
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        "count_include_pad must be True where",
    ),
    (nn.AvgPool2d(3, 2, ceil_mode=True), "ceil_mode must be False"),
    (nn.AvgPool2d(2, divisor_override=3), "divisor_override must be None"),
    (nn.AdaptiveAvgPool2d(3), r"its output \(3, 3\) must divide maps of \(8, 8\)"),
    (nn.AdaptiveMaxPool2d((1, 5)), r"its output \(1, 5\) must divide maps of \(8, 8\)"),
    (nn.BatchNorm2d(4, track_running_stats=False), "must have running statistics"),
    (nn.Linear(8, 2), r"must take what is flattened, not maps \(4, 8, 8\)"),
    (nn.Flatten(2), r"must flatten maps \(C, H, W\), not make \(4, 64\) of \(4, 8, 8\)"),
]


@pytest.mark.parametrize(("layer", "sentence"), MODULES, ids=lambda v: type(v).__name__)
def test_a_module_is_named_with_what_can_replace_it(layer: nn.Module, sentence: str):
    block = nn.Sequential(nn.ReLU(), layer)
    refused(Model(lambda m, x: m.block(x), block=block), rf"^layer 'block.1': {sentence}")


CALLS: list[tuple[Callable, str]] = [
    (lambda m, x: F.silu(m.conv(x)), "layer 'top: silu': silu is not supported; use ReLU or ReLU6"),
    (lambda m, x: x.sigmoid() * x, "layer 'top: sigmoid': sigmoid is not supported; remove it at"),
    (lambda m, x: x * m.conv(x), "layer 'top: mul': mul of maps is not supported; leave it out"),
    (lambda m, x: x - m.conv(x), "layer 'top: sub': sub of maps is not supported; use a sum"),
    (lambda m, x: 1 / x, "layer 'top: truediv': division by maps is not supported"),
    (lambda m, x: F.interpolate(x, scale_factor=2), "layer 'top: interpolate': interpolate is not"),
    (lambda m, x: x.chunk(2, 1)[0], "layer 'top: chunk': chunk is not supported; use whole maps"),
    (lambda m, x: x.permute(0, 2, 3, 1), "layer 'top: permute': permute is not supported"),
    (lambda m, x: x @ x, "layer 'top: matmul': matmul is not supported; leave it out"),
    (lambda m, x: x.mean(1), r"layer 'top: mean': must be over dimensions \(2, 3\) at once, not 1"),
    (lambda m, x: x.mean(), r"layer 'top: mean': must be over dimensions \(2, 3\) at once"),
    (lambda m, x: x[:, 1:3], "layer 'top: getitem': must take every so many rows and columns"),
    (lambda m, x: x[0], "layer 'top: getitem': must take every so many rows and columns"),
    (lambda m, x: x[:, :, 1::2], "layer 'top: getitem': must take every so many rows and columns"),
    (lambda m, x: torch.cat([x, x], 2), r"layer 'top: cat': must be along channels \(dim 1\)"),
    (lambda m, x: torch.cat([x, torch.ones_like(x)], 1), "layer 'top: .*ones"),
    (lambda m, x: torch.add(x, m.conv(x), alpha=2), "layer 'top: add': alpha must be 1, not 2"),
    (lambda m, x: x + x.mean((2, 3), True), "layer 'top: add': must add maps of one shape, not"),
    (lambda m, x: x + torch.arange(8.0), "layer 'top: add': a constant must be one number"),
    (
        lambda m, x: x * torch.ones(3, 1, 1, 1, 1),
        r"layer 'top: mul': a constant must fit maps \(4, ",
    ),
    (lambda m, x: F.dropout(x), "layer 'top: dropout': must be off in evaluation: pass training"),
    (lambda m, x: F.pad(x, (1,) * 4, "reflect"), "layer 'top: pad': must pad with zeros"),
    (lambda m, x: x.view(1, -1), "layer 'top: view': must flatten maps"),
    (lambda m, x: x.clamp(3, 1), "layer 'top: clamp': its limits must ascend, not 3.0, 1.0"),
    (lambda m, x: F.max_pool2d(x, 2, return_indices=True)[0], "layer 'top: max_pool2d.*': "),
    (lambda m, x: x if x.sum() > 0 else m.conv(x), "layer 'top': control flow must not depend on"),
    (lambda m, x: m.conv(x) * float(x.max()), "layer 'top' cannot be traced: "),
    (lambda m, x: m.missing(x), "layer 'top' cannot be traced: AttributeError: .* 'missing'"),
    (lambda m, x: nn.Conv2d(4, 2, 1)(x), "Conv2d must be made in __init__, not forward"),
    (
        lambda m, x: F.conv2d(x, torch.ones(2, 2, 1, 1)),
        r"layer 'top: conv2d' must fit \(4, 8, 8\): ",
    ),
    (lambda m, x: m.conv(x[:, :3]), "layer 'top.conv' must fit .*: Given groups=1"),
]


@pytest.mark.parametrize(("forward", "sentence"), CALLS)
def test_a_call_is_named_with_what_can_replace_it(forward: Callable, sentence: str):
    outer = Model(lambda m, x: m.top(x), top=Model(forward, conv=conv(4)))
    refused(outer, f"^{sentence}")


@pytest.mark.parametrize(
    ("forward", "sentence"),
    [
        (lambda m, x: x, "^every output of the model must be computed of its picture$"),
        (
            lambda m, x: (m.conv(x), x),
            "^every output of the model must be computed of its picture$",
        ),
        (lambda m, x: (m.conv(x), torch.ones(3)), "^every output of the model must be computed"),
        (lambda m, x: None, "^the model must return what it computes of its picture$"),
    ],
)
def test_outputs_must_be_computed(forward: Callable, sentence: str):
    refused(Model(forward, conv=conv(4)), sentence)


class TwoPictures(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor, z: Any = None) -> torch.Tensor:
        return x + y


class Options(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(4)

    def forward(
        self, x: torch.Tensor, mask: Any = None, twice: bool = True, scale: float = 2.0
    ) -> torch.Tensor:
        x = self.conv(x) if twice else x
        return x if mask is None else x * mask


def test_forward_takes_one_batch():
    refused(TwoPictures(), r"^forward must take one batch of pictures, not \(x, y\)$")
    assert [layer.name for layer in import_model(Options(), pixels(SHAPE)).layers] == ["conv"]


def test_features_that_have_been_flattened():
    refused(
        shaken(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(256))),
        r"^layer '1' must scale whole channels, but maps \(4, 8, 8\) have been flattened before it",
    )
    pooled = Model(
        lambda m, x: F.max_pool2d(x, 2).flatten(1) + m.conv(x).flatten(1), conv=conv(4, 1)
    )
    refused(pooled, r"^layer 'add' must add maps of one shape, but \(4, 4, 4\) and \(1, 8, 8\)")
    joined = Model(lambda m, x: torch.cat([x.flatten(1), x.mean((2, 3))], 1))
    refused(joined, r"^layer 'cat' must join maps of one size, but \[\(1, 1\), \(8, 8\)\]")
    longer = Model(lambda m, x: torch.cat([x.flatten(1), x.new_zeros(len(x), 9)], 1))
    refused(longer, r"^layer 'cat' must add zeros to whole maps, but maps \(4, 8, 8\) have been fl")


def test_a_picture_that_does_not_fit_names_the_layer():
    model = nn.Sequential(conv(4), nn.Flatten(), nn.Linear(200, 3))
    refused(model, r"^layer '0' must fit \(3, 8, 8\): Given groups=1, weight of size", (3, 8, 8))
    refused(model, r"^layer '2' must fit \(256,\): mat1 and mat2 shapes cannot be multiplied")


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("key", ["0.weight", "0.bias", "1.weight", "1.running_mean", "3.weight"])
def test_parameters_that_are_not_finite_are_refused(key: str, value: float):
    model = nn.Sequential(conv(4), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(256, 2))
    tensor = model.state_dict()[key]
    tensor.view(-1)[1] = value
    place = key.partition(".")[0]
    with pytest.raises(ValueError, match=rf"^layer '{place}': \w+ must be finite$"):
        import_model(model, pixels(SHAPE))


def test_variances_that_are_negative_are_refused():
    model = nn.Sequential(conv(4), nn.BatchNorm2d(4))
    model.state_dict()["1.running_var"][2] = -1
    refused(model, "^layer '1': running_var must be positive$")


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors:UserWarning")
def test_layers_without_channels_are_refused():
    refused(nn.Sequential(nn.Conv2d(4, 0, 3)), "^layer '0' must ")
