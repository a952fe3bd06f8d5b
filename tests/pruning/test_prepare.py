from dataclasses import replace

import numpy as np
import pytest
import torch

from hw.network import Network
from pruning.data import Pixels
from pruning.importing import normalised
from pruning.prepare import prepare
from pruning.quantise import quantise
from pruning.real_network import RealNetwork
from pruning.reals import NO_CLIP, Clip, RealConcat, RealConv, RealLayer, RealMaxPool
from pruning.unsupported import UnsupportedLayer

RNG = np.random.default_rng(1)
GREY = Pixels((2, 6, 6), 4, (0.1, 0.1))


def conv(name: str, source: str, inputs: int, outputs: int) -> RealConv:
    weight = RNG.normal(size=(outputs, inputs, 1, 1))
    return RealConv(name, source, weight, RNG.normal(size=outputs), clip=Clip(0))


def network(*layers: RealLayer, pixels: Pixels = GREY) -> RealNetwork:
    return RealNetwork(pixels, layers)


def images() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 16, (5, *GREY.shape), dtype=np.uint8)


def test_a_picture_that_is_joined_is_scaled_before() -> None:
    real = network(conv("a", "input", 2, 2), RealConcat("c", ("input", "a")), conv("d", "c", 4, 2))
    made = quantise(real, images())
    assert [layer.name for layer in made.layers] == ["input", "a", "c_0", "c", "d"]
    copied = made.compute(images(), keep=["c_0"])["c_0"] * made.formats["c_0"].scale
    assert np.abs(copied - images() * 0.1).max() <= made.formats["c_0"].scale / 2 + 1e-9


def test_what_channels_differ_in_goes_into_weights() -> None:
    pixels = Pixels((2, 6, 6), 4, (0.1, 0.4))
    layer = conv("a", "input", 2, 3)
    made = prepare(network(layer, pixels=pixels))
    found = made.layers[0]
    assert isinstance(found, RealConv)
    assert made.pixels.scale == (0.25, 0.25)
    np.testing.assert_allclose(found.weight[:, 0], layer.weight[:, 0] * 0.4)
    np.testing.assert_allclose(found.weight[:, 1], layer.weight[:, 1] * 1.6)
    depthwise = RealConv("a", "input", RNG.normal(size=(4, 1, 1, 1)), np.zeros(4), groups=2)
    (found,) = prepare(network(depthwise, pixels=pixels)).layers
    assert isinstance(found, RealConv)
    gains = np.array([0.4, 0.4, 1.6, 1.6])[:, None, None, None]
    np.testing.assert_allclose(found.weight, depthwise.weight * gains)


def test_channels_that_differ_must_meet_a_convolution_first() -> None:
    pixels = Pixels((2, 6, 6), 4, (0.1, 0.4))
    pool = RealMaxPool("p", "input", (2, 2), (2, 2))
    prepare(network(pool, conv("a", "p", 2, 3), pixels=pixels))
    with pytest.raises(UnsupportedLayer, match=r"^layer 'c' takes 'input', whose channels differ"):
        prepare(network(RealConcat("c", ("input", "input")), conv("a", "c", 4, 2), pixels=pixels))


@pytest.mark.parametrize(
    ("other", "copied"),
    [(NO_CLIP, True), (Clip(0), False), (Clip(0, 6), False)],
    ids=["negative", "relu", "relu6"],
)
@pytest.mark.parametrize("pooled", [False, True], ids=["", "pooled"])
def test_a_relu_is_kept_whatever_it_is_joined_with(other, copied, pooled) -> None:
    pool = RealMaxPool("p", "a", (3, 3), (1, 1), (1, 1, 1, 1))
    ends = ("p" if pooled else "a", "b")
    layers = conv("a", "input", 2, 3), pool, replace(conv("b", "input", 2, 3), clip=other)
    layers = [layer for layer in layers if pooled or layer is not pool]
    real = network(*layers, RealConcat("c", ends), conv("d", "c", 6, 2))
    made = quantise(real, images())
    assert ("c_0" in made.formats) == copied
    check_joined(real, made)


@pytest.mark.parametrize(
    ("limits", "copied"), [((6, None), ["c_0"]), ((6, 6), []), ((6, 1), ["c_1"])]
)
def test_an_upper_limit_is_kept_whatever_it_is_joined_with(limits, copied) -> None:
    a, b = (replace(conv(name, "input", 2, 3), clip=Clip(0, 6)) for name in "ab")
    a, b = (replace(layer, weight=20 * layer.weight) for layer in (a, b))
    pairs = zip((a, b), limits, strict=True)
    a, b = (replace(layer, clip=Clip(0, high)) for layer, high in pairs)
    real = network(a, b, RealConcat("c", ("a", "b")), conv("d", "c", 6, 2))
    made = quantise(real, images())
    assert [name for name in made.formats if name.startswith("c_")] == copied
    check_joined(real, made)


def check_joined(real: RealNetwork, made: Network) -> None:
    """What is joined is right to a few steps; without the activation it would be far off."""
    x = normalised(torch.from_numpy(images().astype(np.int64)), real.pixels)
    wanted = real.compute(x, keep=["c"])["c"].numpy()
    step = made.formats["c"].scale
    assert np.abs(made.compute(images(), keep=["c"])["c"] * step - wanted).max() <= 8 * step
