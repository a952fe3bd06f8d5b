"""From a torch module to its simulated Verilog: imported, quantised, folded, generated."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hw.cost import predict, predict_ends
from hw.fold import Folding
from hw.folding import fold_to_multipliers
from hw.layers import Concat, Conv
from hw.network import Network
from hw.verilog import emit
from pruning.data import Pixels
from pruning.importing import import_model, normalised
from pruning.quantise import quantise
from sim.runner import Design, Result, Stalls, simulate

PIXELS = Pixels((2, 12, 12), 6, (1 / 16, 1 / 20), (20, 30))
FRAMES, MULTIPLIERS = 6, 12
NORMS = ((0.5, 2), (-0.5, 0.5), (-0.5, 0.5), (0.5, 2))  # weight, bias, mean, variance
FREE = Stalls()
STALLS = (FREE, Stalls("random", "none,bursty"), Stalls("none", "bursty,none"))


class Separable(nn.Module):
    """A convolution, depthwise-separable blocks, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.pointwise = nn.Conv2d(4, 6, 1)
        self.wider = nn.Conv2d(6, 12, 3, padding=1, groups=6)
        self.linear = nn.Linear(12, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem_norm(self.stem(x)))
        x = F.relu6(self.norm(self.depthwise(x)))
        x = F.relu(self.wider(F.relu(self.pointwise(x))))
        return self.linear(x.mean((2, 3)))


class Branches(nn.Module):
    """Branches of one and two layers, and of pooling behind a ReLU, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, stride=2, padding=1)
        self.short = nn.Conv2d(4, 3, 1)
        self.long = nn.Sequential(
            nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 4, 3, padding=1)
        )
        self.joined = nn.Conv2d(11, 4, 3, padding=1)
        self.linear = nn.Linear(36, 5)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """Map pictures (N, 2, 12, 12) to (N, 4, 6, 6)."""
        x = F.relu(self.stem(x))
        pooled = F.max_pool2d(x, 3, 1, 1)
        return F.relu(self.joined(F.relu(torch.cat([self.short(x), self.long(x), pooled], 1))))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(F.max_pool2d(self.maps(x), 2).flatten(1))


class TwoHeads(Branches):
    """Logits, a map that is read further, and another one that is not."""

    def __init__(self) -> None:
        super().__init__()
        self.mask = nn.Conv2d(4, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        maps = self.maps(x)
        return self.linear(F.max_pool2d(maps, 2).flatten(1)), maps, self.mask(maps)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "separable": Separable,
    "branches": Branches,
    "two_heads": TwoHeads,
}
each_model = pytest.mark.parametrize("name", MODELS)


@dataclass(frozen=True)
class Made:
    """A module, the network that it became, its folds, and pictures it has not seen."""

    module: nn.Module
    network: Network
    folding: Folding
    pictures: np.ndarray


def pictures(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 1 << PIXELS.bits, (count, *PIXELS.shape), dtype=np.uint8)


def make(name: str) -> Made:
    """Make a module whose normalisation does something, and the folds of its network."""
    torch.manual_seed(3)
    module = MODELS[name]()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for value, (low, high) in zip(layer.state_dict().values(), NORMS, strict=False):
                nn.init.uniform_(value, low, high)
    module.eval()
    network = quantise(import_model(module, PIXELS), pictures(64, 1), name=name)
    return Made(module, network, fold_to_multipliers(network, MULTIPLIERS), pictures(FRAMES, 2))


@pytest.fixture(scope="module")
def paths() -> dict[str, Made]:
    return {name: make(name) for name in MODELS}


@pytest.fixture(scope="module")
def results(paths, tmp_path_factory) -> dict[tuple[str, Stalls], Result]:
    """All designs in one model, one run for each kind of stalls."""
    folder: Path = tmp_path_factory.mktemp("path")
    designs = []
    for name, path in paths.items():
        emit(path.network, path.folding, folder / name, top=name)
        expected = path.network.compute(path.pictures)
        designs.append(Design(name, folder / name, path.pictures, expected))
    found = simulate(designs, folder / "build", stalls=STALLS, jobs=2)
    return {(result.name, result.stalls): result for result in found}


def test_networks_have_what_they_are_to_show(paths) -> None:
    layers = {name: path.network.layers for name, path in paths.items()}
    groups = [layer.groups for layer in layers["separable"] if isinstance(layer, Conv)]
    assert groups == [1, 4, 1, 6, 1]
    for name in ("branches", "two_heads"):
        (joined,) = (layer for layer in layers[name] if isinstance(layer, Concat))
        assert len(joined.sources) == 3
    shapes = [
        paths["two_heads"].network.formats[o].shape for o in paths["two_heads"].network.outputs
    ]
    assert shapes == [(5, 1, 1), (4, 6, 6), (1, 6, 6)]


@pytest.mark.rtl
@each_model
def test_verilog_computes_the_network_whoever_stalls(results, name) -> None:
    for stalls in STALLS:
        result = results[name, stalls]
        assert (result.mismatches, result.protocol_errors) == (0, ()), str(stalls)
        assert result.frames == FRAMES


@pytest.mark.rtl
@each_model
def test_verilog_takes_the_cycles_that_are_predicted(results, paths, name) -> None:
    path, free = paths[name], results[name, FREE]
    cost = predict(path.network, path.folding)
    assert (free.interval, free.latency) == (cost.interval, cost.latency)
    ends = np.max([*predict_ends(path.network, path.folding, FRAMES).values()], axis=0)
    assert list(free.intervals) == np.diff(ends).tolist()


@pytest.mark.rtl
@each_model
def test_verilog_is_near_what_the_module_computes(results, paths, name) -> None:
    """Every output, in real numbers, of pictures from which no range was taken."""
    path = paths[name]
    x = normalised(torch.from_numpy(path.pictures.astype(np.int64)), PIXELS)
    with torch.no_grad():
        found = path.module.double()(x)
    found = found if isinstance(found, tuple) else (found,)
    for output, wanted in zip(path.network.outputs, found, strict=True):
        got = results[name, FREE].outputs[output] * path.network.formats[output].scale
        error = np.abs(got.ravel() - wanted.numpy().ravel())
        assert error.max() < 0.05 * np.ptp(wanted.numpy())
