from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hw.layers import NAME
from pruning.chain import UnsupportedLayer
from pruning.importing import import_model
from pruning.reals import Clip, RealAdd, RealAvgPool, RealConcat, RealConv, RealMaxPool
from tests.pruning.imports import Model, conv, imported, pixels, shaken

SHAPE = (3, 8, 8)
RELU = Clip(0.0)


def kinds(network) -> list[str]:
    return [type(layer).__name__.removeprefix("Real") for layer in network.layers]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


WINDOWS = {
    "strided": conv(stride=2),
    "dilated": conv(dilation=(1, 2), padding=(1, 2)),
    "even": conv(kernel=4, padding="same"),
    "same, dilated": conv(kernel=4, padding="same", dilation=(3, 1)),
    "valid": conv(padding="valid", bias=False),
    "grouped": conv(outputs=6, groups=3),
    "oblong": nn.Conv2d(3, 2, (1, 5), stride=(2, 1), padding=(0, 2)),
    "max": nn.MaxPool2d(3, 2, padding=1),
    "max, oblong": nn.MaxPool2d((1, 4), (3, 2)),
    "max, rounded up": nn.MaxPool2d(3, 2, ceil_mode=True),
    "max, rounded up with padding": nn.MaxPool2d(2, 3, padding=1, ceil_mode=True),
    "avg": nn.AvgPool2d(3, 2, padding=1),
    "avg, not padded": nn.AvgPool2d(2, 1, count_include_pad=False),
    "adaptive": nn.AdaptiveAvgPool2d((2, 4)),
    "adaptive, one way": nn.AdaptiveAvgPool2d((None, 1)),
    "adaptive max": nn.AdaptiveMaxPool2d(2),
    "pointless": nn.MaxPool2d(1, 2),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@pytest.mark.parametrize("layer", WINDOWS.values(), ids=WINDOWS)
def test_a_window_equals_that_of_torch(layer: nn.Module):
    network = imported(nn.Sequential(layer), SHAPE)
    assert len(network.layers) == 1


ACTIVATIONS = {
    "module": lambda m, x: nn.ReLU()(m.conv(x)),
    "in place": lambda m, x: nn.ReLU(inplace=True)(m.conv(x)),
    "function": lambda m, x: F.relu(m.conv(x)),
    "torch": lambda m, x: torch.relu(m.conv(x)),
    "method": lambda m, x: m.conv(x).relu(),
    "method in place": lambda m, x: m.conv(x).relu_(),
    "clamp": lambda m, x: m.conv(x).clamp(min=0),
    "clamp_min": lambda m, x: torch.clamp_min(m.conv(x), 0),
}


@pytest.mark.parametrize("forward", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_an_activation_is_part_of_the_layer_before(forward: Callable):
    network = imported(Model(forward, conv=conv()), SHAPE)
    (layer,) = network.layers
    assert isinstance(layer, RealConv)
    assert layer.clip == RELU


@pytest.mark.parametrize(
    ("layer", "clip"),
    [
        (nn.ReLU6(), Clip(0, 6)),
        (nn.Hardtanh(-0.5, 0.25), Clip(-0.5, 0.25)),
        (nn.Sequential(nn.ReLU(), nn.ReLU6()), Clip(0, 6)),
        (nn.Sequential(nn.Hardtanh(-0.1, 0.3), nn.Hardtanh(0.1, 0.2)), Clip(0.1, 0.2)),
        (nn.Sequential(nn.Hardtanh(-0.2, -0.1), nn.ReLU()), Clip(0, 0)),
    ],
)
def test_limits_are_those_of_all_activations(layer: nn.Module, clip: Clip):
    network = imported(nn.Sequential(conv(), layer), SHAPE)
    assert [getattr(real, "clip", None) for real in network.layers] == [clip]


def test_an_activation_in_place_counts_for_all_that_read_its_maps():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.conv(x)
        F.relu_(y)  # the result is not used
        z = y
        y += 1
        return z + m.second(y)

    imported(Model(forward, conv=conv(), second=conv(4)), SHAPE)


def test_normalisation_is_folded_into_the_only_layer_before():
    layers = nn.Sequential(conv(bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4))
    network = imported(shaken(layers), SHAPE)
    first, second = network.layers
    assert isinstance(first, RealConv)
    assert isinstance(second, RealConv)
    assert (first.groups, first.clip) == (1, RELU)
    assert (second.name, second.groups, second.weight.shape) == ("layer3", 4, (4, 1, 1, 1))


def test_normalisation_of_a_shared_result_is_a_layer_of_its_own():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.conv(x)
        return y + m.bn(y)

    model = shaken(Model(forward, conv=conv(), bn=nn.BatchNorm2d(4)))
    assert kinds(imported(model, SHAPE)) == ["Conv", "Conv", "Add"]


def test_an_activation_behind_pooling_moves_in_front_of_it():
    network = imported(nn.Sequential(conv(), nn.MaxPool2d(2), nn.ReLU()), SHAPE)
    assert kinds(network) == ["Conv", "MaxPool"]
    first = network.layers[0]
    assert isinstance(first, RealConv)
    assert first.clip == RELU


def joined(m: Any, x: torch.Tensor) -> torch.Tensor:
    return F.relu(torch.cat([m.a(x), F.max_pool2d(m.b(x), 3, 1, 1), F.avg_pool2d(m.c(x), 1)], 1))


def test_an_activation_behind_a_concatenation_moves_to_all_sources():
    network = imported(Model(joined, a=conv(), b=conv(outputs=2), c=conv(outputs=1)), SHAPE)
    assert kinds(network) == ["Conv", "Conv", "MaxPool", "Conv", "Concat"]
    clips = [layer.clip for layer in network.layers if isinstance(layer, RealConv)]
    assert clips == [RELU] * 3


def test_an_activation_that_cannot_move_is_a_layer_of_its_own():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.a(x)
        return torch.cat((F.relu(torch.cat([y, m.b(x)], dim=1)), y), dim=-3)

    network = imported(Model(forward, a=conv(), b=conv()), SHAPE)
    assert kinds(network) == ["Conv", "Conv", "Concat", "Conv", "Concat"]


def test_zeros_around_maps_belong_to_the_layer_behind():
    layers = [nn.ZeroPad2d((0, 1, 0, 2)), conv(padding=0), nn.ReLU(), nn.ConstantPad2d(1, 0)]
    network = imported(nn.Sequential(*layers, nn.MaxPool2d(3, 2)), SHAPE)
    first, second = network.layers
    assert isinstance(first, RealConv)
    assert isinstance(second, RealMaxPool)
    assert (first.padding, second.padding) == ((0, 2, 0, 1), (1, 1, 1, 1))


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ([conv(), nn.ZeroPad2d((1, 0, 2, 0)), nn.MaxPool2d(3)], ["Conv", "Conv", "MaxPool"]),
        ([nn.ZeroPad2d((1, 0, 2, 3)), nn.BatchNorm2d(3), nn.ReLU()], ["Conv"]),
        ([nn.ZeroPad2d(2), conv(kernel=1)], ["Conv", "Conv"]),
        ([nn.ZeroPad2d(1), nn.AvgPool2d(2)], ["AvgPool"]),
        ([nn.AvgPool2d(1, 2), nn.ZeroPad2d((1, 0, 0, 1)), conv()], ["Conv", "Conv"]),
    ],
)
def test_zeros_that_count_are_computed_by_a_convolution(layers: list[nn.Module], found: list[str]):
    network = imported(shaken(nn.Sequential(*layers)), SHAPE)
    assert kinds(network) == found
    for layer in network.layers:  # as hardware wants it
        if isinstance(layer, RealConv):
            assert max(layer.padding[:2]) < layer.weight.shape[2]
            assert max(layer.padding[2:]) < layer.weight.shape[3]


def padded_shortcut(m: Any, x: torch.Tensor) -> torch.Tensor:
    return F.relu(m.a(x) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 2)))


def zeros_shortcut(m: Any, x: torch.Tensor) -> torch.Tensor:
    y = x[..., ::2, ::2]
    zeros = torch.zeros(y.size(0), 3, *y.shape[2:], dtype=x.dtype)
    return torch.relu(torch.cat([y, zeros], 1) + m.a(x))


def multiplied_shortcut(m: Any, x: torch.Tensor) -> torch.Tensor:
    y = F.avg_pool2d(x, 1, 2)
    y = torch.cat((y, y.mul(0)), 1)
    y += m.a(x)
    return y.relu_()


@pytest.mark.parametrize(
    ("forward", "channels"),
    [
        (padded_shortcut, (-1, 0, 1, 2, -1, -1)),
        (zeros_shortcut, (0, 1, 2, -1, -1, -1)),
        (multiplied_shortcut, (0, 1, 2, -1, -1, -1)),
    ],
)
def test_a_shortcut_without_weights_is_part_of_the_add(forward: Callable, channels: tuple):
    network = imported(Model(forward, a=conv(outputs=6, stride=2)), SHAPE)
    first, add = network.layers
    assert isinstance(add, RealAdd)
    assert add.sources == (first.name, "input")
    assert (add.stride, add.channels, add.clip) == ((2, 2), channels, RELU)


def test_a_shortcut_that_something_else_reads_is_a_convolution():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.a(F.pad(x[:, :, ::2], (1, 0, 0, 1, 0, 1)))

    assert kinds(imported(Model(forward, a=conv(4)), SHAPE)) == ["Conv", "Conv"]


class Preactivated(nn.Module):
    """A residual block that begins with normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(4), conv(4, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(4), conv(4, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv1(F.relu(self.bn1(x), inplace=True))
        return x + self.conv2(F.relu(self.bn2(y), inplace=True))


def test_blocks_that_begin_with_normalisation():
    model = nn.Sequential(conv(), Preactivated(), Preactivated(), nn.BatchNorm2d(4), nn.ReLU())
    network = imported(shaken(model), SHAPE)
    assert kinds(network) == ["Conv", *["Conv", "Conv", "Conv", "Add"] * 2, "Conv"]
    assert [layer.name for layer in network.layers][:3] == ["layer0", "layer1_bn1", "layer1_conv1"]


def test_a_module_that_is_called_twice_is_two_layers():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.relu(m.bn(m.conv(m.relu(m.bn(m.conv(x))))))

    model = shaken(Model(forward, conv=conv(3, 3), bn=nn.BatchNorm2d(3), relu=nn.ReLU()))
    network = imported(model, SHAPE)
    assert [(layer.name, layer.place) for layer in network.layers] == [
        ("conv", "conv"),
        ("conv_2", "conv 2"),
    ]


FLATTENS = {
    "flatten": lambda x: torch.flatten(x, 1),
    "method": lambda x: x.flatten(1),
    "view": lambda x: x.view(x.size(0), -1),
    "reshape": lambda x: x.reshape(-1, 4 * 8 * 8),
    "shape": lambda x: x.reshape((x.shape[0], x.shape[1] * x.shape[2] * x.shape[3])),
    "module": nn.Flatten(),
}


@pytest.mark.parametrize("flatten", FLATTENS.values(), ids=FLATTENS)
def test_a_linear_layer_is_a_convolution_of_the_whole_map(flatten: Callable):
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.out(F.relu(m.bn(m.hidden(flatten(m.conv(x))))))

    parts = {"hidden": nn.Linear(256, 5, bias=False), "bn": nn.BatchNorm1d(5)}
    model = shaken(Model(forward, conv=conv(), **parts, out=nn.Linear(5, 2)))
    network = imported(model, SHAPE)
    shapes = [layer.weight.shape for layer in network.layers if isinstance(layer, RealConv)]
    assert shapes == [(4, 3, 3, 3), (5, 4, 8, 8), (2, 5, 1, 1)]


AVERAGES = {
    "mean": lambda x: x.mean((2, 3)),
    "kept": lambda x: x.mean([-1, -2], keepdim=True).flatten(1),
    "one by one": lambda x: torch.mean(torch.mean(x, 3, True), 2, True)[:, :, 0:1, 0:1].flatten(1),
    "adaptive": lambda x: F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1),
    "size": lambda x: F.avg_pool2d(x, x.size()[2:]).view(-1, 4),
}


@pytest.mark.parametrize("average", AVERAGES.values(), ids=AVERAGES)
def test_averages_over_the_map(average: Callable):
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.out(F.relu(average(m.conv(x))))

    network = imported(Model(forward, conv=conv(), out=nn.Linear(4, 2)), SHAPE)
    pool = next(layer for layer in network.layers if isinstance(layer, RealAvgPool))
    assert pool.clip == RELU or len(network.layers) == 4


def test_the_picture_can_be_normalised_by_the_model():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        mean = torch.tensor([0.1, 0.2, 0.3], dtype=x.dtype)[:, None, None]
        return m.conv((x - mean) / 0.25) * 2 + 1

    network = imported(Model(forward, conv=conv()), SHAPE)
    assert [layer.name for layer in network.layers] == ["sub", "conv"]


def test_what_does_nothing_in_evaluation_leaves_no_layer():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = F.dropout(m.drop(m.conv(x)), 0.5, m.training)
        m.unused(y)
        return m.same(y).double().to(torch.float64).contiguous()

    parts = {"drop": nn.Dropout2d(), "same": nn.Identity(), "unused": nn.Sequential(nn.Softmax(1))}
    assert len(imported(Model(forward, conv=conv(), **parts), SHAPE).layers) == 1


@pytest.mark.parametrize("kind", [tuple, list, lambda p: dict(zip("ab", p, strict=True))])
def test_several_outputs(kind: Callable):
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.a(x)
        return kind((m.b(y), y))

    network = imported(Model(forward, a=conv(), b=nn.Sequential(conv(4), nn.ReLU())), SHAPE)
    assert network.outputs == ("b_0", "a")


def test_names_are_identifiers_and_unique():
    long = Model(lambda m, x: m.part(x), part=nn.Sequential(conv(), conv(4)))
    for _ in range(20):
        long = Model(lambda m, x: m.part(x), part=long)
    model = nn.ModuleDict({"0": conv(), "ä-b": conv(4), "input": conv(4), "ä_b": conv(4)})
    network = imported(
        Model(
            lambda m, x: m.long(_through(m.parts, x)),
            long=nn.Sequential(conv(4, 3), long),
            parts=model,
        ),
        SHAPE,
    )
    names = [layer.name for layer in network.layers]
    assert all(NAME.fullmatch(name) for name in names)
    assert len({*names, "input"}) == len(names) + 1


def _through(parts: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    for part in parts.values():
        x = part(x)
    return x


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


def test_concatenations_of_concatenations():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        for layer in m.children():
            x = torch.cat([x, F.relu(layer(x))], 1)
        return x.flatten(1)

    network = imported(Model(forward, a=conv(3, 2), b=conv(5, 2), c=conv(7, 2)), SHAPE)
    assert [layer.sources for layer in network.layers if isinstance(layer, RealConcat)] == [
        ("input", "a"),
        ("cat", "b"),
        ("cat_2", "c"),
    ]
