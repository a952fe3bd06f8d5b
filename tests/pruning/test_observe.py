import numpy as np
import pytest
import torch

from pruning.data import Pixels
from pruning.evaluate import BATCH, normalise
from pruning.observe import Range, observe
from pruning.real_network import INPUT, RealNetwork
from pruning.reals import Clip, RealConv

RNG = np.random.default_rng(1)
PIXELS = Pixels((2, 5, 5), 8, (0.1, 0.2), (3, 4))
LAYER = RealConv("a", INPUT, RNG.normal(size=(3, 2, 3, 3)), RNG.normal(size=3), clip=Clip(0))
NETWORK = RealNetwork(PIXELS, (LAYER,))


def images(count: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, 2, 5, 5), dtype=np.uint8)


@pytest.mark.parametrize("count", [3, BATCH + 7])
def test_ranges_and_means_are_those_of_all_pictures(count: int) -> None:
    pictures = images(count)
    found = observe(NETWORK, pictures)
    x = normalise(pictures, PIXELS)
    for name, y in ((INPUT, x), *NETWORK.results(x)):
        assert (found[name].low, found[name].high) == (float(y.min()), float(y.max()))
        np.testing.assert_allclose(found[name].mean, y.mean((0, 2, 3)).numpy(), atol=1e-4)
        assert set(found[name].samples.tolist()) <= set(y.flatten().tolist())
        assert len(found[name].samples) > min(20, y.numel() // 2)


def test_numbers_that_are_not_finite_are_refused() -> None:
    layer = RealConv("b", "a", np.full((1, 3, 1, 1), 1e38), np.zeros(1))
    with pytest.raises(ValueError, match=r"^layer 'b': activations must be finite$"):
        observe(RealNetwork(PIXELS, (LAYER, layer)), images(2))


def made(samples: np.ndarray) -> Range:
    return Range(float(samples.min()), float(samples.max()), samples, np.zeros(1))


def test_a_percentile_drops_the_largest() -> None:
    samples = np.concatenate([np.linspace(0, 1, 1001), [50.0]])
    found = made(samples).percentile(99.9)
    assert 0.99 < found.high <= 1
    assert made(samples).percentile(100).high == 50


@pytest.mark.parametrize("steps", [3, 7, 15, 255])
def test_least_squares_saturates_where_errors_are_least(steps: int) -> None:
    samples = np.abs(RNG.normal(size=20_000))

    def error(top: float) -> float:
        step = top / steps
        return float(np.square(np.minimum(np.rint(samples / step), steps) * step - samples).sum())

    high = made(samples).least_squares(steps).high
    assert error(high) <= error(samples.max()) + 1e-9
    assert error(high) <= 1.01 * min(
        error(part * samples.max()) for part in np.linspace(0.3, 1, 71)
    )
    signed = made(np.concatenate([samples, -samples])).least_squares(steps)
    assert -signed.low == pytest.approx(signed.high, rel=0.02)


def test_nothing_is_saturated_where_all_is_zero() -> None:
    assert made(np.zeros(5)).least_squares(7).high == 0
    assert torch.tensor(made(np.zeros(5)).percentile(50).high) == 0
