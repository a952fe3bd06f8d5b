import numpy as np
import torch

from pruning.data import Pixels
from pruning.quantise import quantise
from pruning.real_network import RealNetwork
from pruning.reals import Clip, RealAdd, RealConcat, RealConv, RealLayer, RealMaxPool
from pruning.scales import ties, weight_steps

RNG = np.random.default_rng(1)
GREY = Pixels((2, 6, 6), 4, (0.1, 0.1))


RELU = Clip(0)


def conv(name: str, source: str, inputs: int, outputs: int, clip: Clip = RELU) -> RealConv:
    weight = RNG.normal(size=(outputs, inputs, 1, 1))
    return RealConv(name, source, weight, RNG.normal(size=outputs), clip=clip)


def network(*layers: RealLayer, pixels: Pixels = GREY) -> RealNetwork:
    return RealNetwork(pixels, layers)


def images(pixels: Pixels = GREY) -> np.ndarray:
    high = 1 << pixels.bits
    return np.random.default_rng(2).integers(0, high, (5, *pixels.shape), dtype=np.uint8)


BRANCHES = (
    conv("a", "input", 2, 3),
    conv("b", "a", 3, 3),
    RealMaxPool("p", "a", (2, 2), (1, 1), (0, 1, 0, 1)),
    RealConcat("c", ("b", "p")),
    conv("d", "c", 6, 4, Clip()),
    conv("e", "c", 6, 4),
    RealAdd("s", ("d", "e"), Clip(0)),
    conv("f", "s", 4, 3, Clip()),
)


def test_maps_that_are_joined_or_pooled_have_one_scale() -> None:
    real = network(*BRANCHES)
    tied = ties(real)
    assert len({tied[name] for name in "abpc"}) == 1
    assert len({tied[name] for name in "abdes"}) == 4
    assert "f" not in tied
    made = quantise(real, images())
    scales = {name: made.formats[name].scale for name in "abpcdes"}
    assert len({scales[name] for name in "abpc"}) == 1
    assert [made.formats[name].signed for name in "acdes"] == [False, False, True, False, False]
    x = (images() * 0.1).astype(np.float32)
    results = {name: y.numpy() for name, y in real.results(torch.tensor(x))}
    for name, y in made.compute(images(), keep="abpcdesf").items():
        off = np.abs(y * made.formats[name].scale - results[name]).max()
        assert off < 0.05 * np.abs(results[name]).max()


def test_weight_steps_are_those_of_the_least_errors() -> None:
    weight = RNG.normal(size=(3, 40, 1, 1))
    weight[1] *= 3

    def error(steps: np.ndarray) -> np.ndarray:
        unit = steps[:, None, None, None]
        return np.square(np.clip(np.rint(weight / unit), -7, 7) * unit - weight).sum((1, 2, 3))

    found = error(weight_steps(weight, 4, common=False))
    largest = np.abs(weight).max(axis=(1, 2, 3)) / 7
    tried = [error(largest * part) for part in np.linspace(1, 0.5, 26)]
    np.testing.assert_allclose(found, np.min(tried, axis=0))
    common = weight_steps(weight, 4, common=True)
    assert len(set(common.tolist())) == 1
    assert 0.5 * largest.max() <= common[0] <= largest.max()


def test_steps_of_outputs_without_weights() -> None:
    weight = np.array([0.5, -12.7, 0.0])[:, None, None, None]
    steps = weight_steps(weight, 8, common=False)
    assert 0.25 / 127 < steps[0] <= 0.5 / 127 or steps[0] >= 12.7 / 127 / 256 / 2
    assert steps[2] > 0
    assert (weight_steps(0 * weight, 4, common=False) > 0).all()
