import dataclasses
import re
import weakref

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from pruning.data import Pixels
from pruning.importing import import_model
from pruning.real_network import RealNetwork
from pruning.reals import Clip, RealAdd, RealConv, RealMaxPool
from pruning.zoo import build

PIXELS = Pixels((3, 32, 32), 8, (0.02, 0.018, 0.021), (123, 117, 104))


@pytest.fixture(scope="module")
def network() -> RealNetwork:
    return import_model(build("resnet8"), PIXELS)


def test_a_file_holds_the_same_network(network: RealNetwork, tmp_path) -> None:
    network.save(tmp_path / "net.real.safetensors")
    found = RealNetwork.load(tmp_path / "net.real.safetensors")
    assert (found.pixels, found.outputs, found.facts) == (
        network.pixels,
        network.outputs,
        network.facts,
    )
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    for name, y in network.compute(x, [layer.name for layer in network.layers]).items():
        torch.testing.assert_close(found.compute(x, [name])[name], y, rtol=0, atol=0)
    assert [layer.place for layer in found.layers] == [layer.place for layer in network.layers]
    assert [p.name for p in tmp_path.iterdir()] == ["net.real.safetensors"]


def test_results_are_dropped_when_nothing_takes_them(network: RealNetwork) -> None:
    alive: dict[str, weakref.ref] = {}
    for name, y in network.results(torch.zeros(1, 3, 32, 32)):
        alive[name] = weakref.ref(y)
        del y
        held = [key for key, ref in alive.items() if ref() is not None]
        assert len(held) <= 3


@pytest.mark.parametrize("cut", [0, 10, 5000, -1])
def test_a_damaged_file_is_named(network: RealNetwork, tmp_path, cut: int) -> None:
    path = tmp_path / "net.real.safetensors"
    network.save(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=re.escape(str(path))):
        RealNetwork.load(path)


def test_layers_that_do_not_fit_are_named(network: RealNetwork, tmp_path) -> None:
    path = tmp_path / "net.real.safetensors"
    name = network.layers[1].name
    wrong = [
        dataclasses.replace(layer, weight=layer.weight[:, :5])
        if isinstance(layer, RealConv) and layer.name == name
        else layer
        for layer in network.layers
    ]
    dataclasses.replace(network, layers=tuple(wrong)).save(path)
    with pytest.raises(ValueError, match=rf"layer '{name}' does not fit its inputs"):
        RealNetwork.load(path)
    save_file(load_file(path), path, {"secateur": "{}"})
    with pytest.raises(ValueError, match=r"not a file of a real network: 'schema' is missing"):
        RealNetwork.load(path)


A = RealConv("a", "input", np.zeros((2, 3, 1, 1)), np.zeros(2))


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ((), r"^a network must have a layer$"),
        ((RealMaxPool("p", "x", (2, 2), (2, 2)),), r"^layer 'p': input 'x' must come before it$"),
        ((A, A), r"^layer 'a' must have a name of its own$"),
    ],
)
def test_impossible_networks(layers: tuple, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RealNetwork(PIXELS, layers)


def test_an_output_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"^output 'b' must be a layer$"):
        RealNetwork(PIXELS, (A,), ("b",))


def test_option_a_shortcuts_take_every_second_pixel_and_some_channels() -> None:
    layer = RealAdd("s", ("a", "b"), Clip(0), (2, 2), (-1, 0, 1, -1))
    a, b = torch.randn(1, 4, 3, 3), torch.randn(1, 2, 6, 6)
    padded = torch.nn.functional.pad(b[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1))
    torch.testing.assert_close(layer.forward(a, b), torch.relu(a + padded))
