import math

import pytest
import torch
from torch import nn

from pruning import zoo
from pruning.importing import import_model
from pruning.real_network import RealNetwork
from pruning.reals import RealConv
from pruning.zoo.resnet import ResNet
from tests.pruning.imports import imported, pixels, shaken

COARSE = ("cifar-small", "cifar-large", "svhn", "vgg16", "resnet110")  # slow: one picture


@pytest.mark.parametrize("name", zoo.MODELS)
def test_every_model_is_imported_as_it_is(name: str):
    shape = zoo.SHAPES[name]
    model = shaken(zoo.build(name, classes=5, seed=1))
    network = imported(model, shape, batch=1 if name in COARSE else 2)
    (output,) = network.outputs
    last = network.layers[-1]
    assert isinstance(last, RealConv)
    assert (last.name, len(last.bias)) == (output, 5)


def macs(network: RealNetwork) -> int:
    """Multiply-adds of convolutions for one picture, from the sizes of their results."""
    x = torch.zeros(1, *network.pixels.shape)
    sizes = {name: math.prod(y.shape[2:]) for name, y in network.results(x)}
    convs = [layer for layer in network.layers if isinstance(layer, RealConv)]
    return sum(layer.weight.size * sizes[layer.name] for layer in convs)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet5", 416_520),
        ("mlp", 266_200),
        ("resnet8", 12_501_632),  # as published with its weights
        ("ds-cnn", 2_656_768),
        ("mobilenet", 7_489_664),
        ("resnet20", 40_551_040),
        ("resnet56", 125_485_696),  # published: 125.5 M
        ("vgg16", 313_463_808),  # published: 313.7 M, other layers counted
    ],
)
def test_multiply_adds_are_those_of_the_architecture(name: str, expected: int):
    assert macs(import_model(zoo.build(name), pixels(zoo.SHAPES[name]))) == expected


@pytest.mark.parametrize(
    ("name", "layers"), [("cifar-small", (6, 2)), ("cifar-large", (7, 2)), ("svhn", (6, 3))]
)
def test_coarse_networks_have_the_published_layers(name: str, layers: tuple[int, int]):
    modules = list(zoo.build(name).modules())
    found = [sum(isinstance(m, kind) for m in modules) for kind in (nn.Conv2d, nn.Linear)]
    assert tuple(found) == layers
    assert sum(isinstance(m, nn.MaxPool2d) for m in modules) == 2


def test_the_seed_decides_the_parameters_and_nothing_else():
    torch.manual_seed(4)
    before = torch.get_rng_state()
    first, same, other = (zoo.build("lenet5", seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_options_of_models():
    wide = zoo.build("mobilenet", width=0.5, channels=1)
    assert imported(shaken(wide), (1, 32, 32)).outputs == ("layer88",)
    assert len(import_model(zoo.build("mlp", widths=()), pixels((1, 28, 28))).layers) == 1
    with pytest.raises(ValueError, match=r"^model must be one of chain, .*, not 'lenet6'$"):
        zoo.build("lenet6")
    with pytest.raises(ValueError, match=r"^model 'resnet20': .* 'depth'"):
        zoo.build("resnet20", depth=3)


@pytest.mark.parametrize("depth", [2, 21, 0])
def test_depths_that_no_residual_network_has(depth: int):
    with pytest.raises(ValueError, match=rf"^depth must be 8, 14, 20, .*, not {depth}$"):
        ResNet(depth)


def test_keys_are_those_of_published_weights():
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    blocks = [f"layer{stage}.{block}." for stage in (1, 2, 3) for block in range(3)]
    expected = {"linear.weight", "linear.bias", "conv1.weight", *(f"bn1.{key}" for key in norm)}
    for block in blocks:
        expected |= {f"{block}conv{i}.weight" for i in (1, 2)}
        expected |= {f"{block}bn{i}.{key}" for i in (1, 2) for key in norm}
    assert set(zoo.build("resnet20").state_dict()) == expected
    convs = {f"c.{i}.{key}" for i in range(9) for key in ("weight", "bias")}
    norms = {f"b.{i}.{key}" for i in range(7) for key in norm}
    assert set(zoo.build("resnet8").state_dict()) == {"fc.weight", "fc.bias", *convs, *norms}
