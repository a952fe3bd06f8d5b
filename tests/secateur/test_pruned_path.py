"""From trained weights to simulated Verilog: five granularities, each by another selector."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from hw.conv import Conv
from hw.cost import predict, predict_ends
from hw.fold import Folding
from hw.folding import fold_to_multipliers
from hw.joins import Add
from hw.network import Network
from hw.verilog import emit
from pruning import zoo
from pruning.constraints import NONE, Constraints
from pruning.data import DataSet, load
from pruning.models import Model, model_of
from pruning.prune import prune
from pruning.quantise import quantise
from pruning.selectors.making import make_selector
from pruning.train import train
from pruning.zoo.resnet import Block
from sim.runner import Design, Result, Stalls, simulate
from tests.pruning.judge import judge

FRAMES, MULTIPLIERS = 6, 12
FREE = Stalls()
STALLS = (FREE, Stalls("random", "bursty"))


class Residual(nn.Module):
    """Two residual blocks, the second with a stride and a shortcut of option A."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.block1, self.block2 = Block(4, 4, 1), Block(4, 8, 2)
        self.linear = nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.linear(self.block2(self.block1(x)).mean((2, 3)))


def chain() -> nn.Module:
    return zoo.build("chain", 1, widths=(4, 6, 8), pools=(1, 3))


@dataclass(frozen=True)
class Case:
    """Who prunes what by what."""

    granularity: str
    selector: str
    settings: dict[str, Any] = field(default_factory=dict)
    module: Callable[[], nn.Module] = chain
    constraints: Constraints = NONE


STREAM = Constraints(layers=("conv1", "block1.conv1", "block2.conv1", "block2.conv2"))
CASES = {
    "maps": Case("feature-map", "bn-scale", {}, Residual, STREAM),
    "kernels": Case("kernel", "particle-filter", {"particles": 6, "generations": 2}),
    "groups": Case("kernel-group", "taylor"),
    "grids": Case("intra-kernel", "linear-ensembles", {"masks": 8, "steps": 2}),
    "columns": Case("column", "probabilistic", {"t": 1, "A": 0.5, "iterations": 8}),
}
each_case = pytest.mark.parametrize("name", CASES)


@dataclass(frozen=True)
class Made:
    """A pruned model, its network, its folds, and pictures."""

    dense: Model
    model: Model
    network: Network
    folding: Folding
    pictures: np.ndarray


def make(case: Case, dense: Model, data: DataSet, name: str) -> Made:
    selector = make_selector(case.selector, **case.settings)
    asked = {"granularity": case.granularity, "constraints": case.constraints}
    small = prune(dense, data, ratio=0.4, selector=selector, seed=4, **asked)
    small = train(small, data, epochs=2, rate=0.02, batch=32, seed=2)
    network = quantise(small.real_network, data.validation.images, name=name)
    folding = fold_to_multipliers(network, MULTIPLIERS)
    return Made(dense, small, network, folding, data.test.images[:FRAMES])


@pytest.fixture(scope="module")
def paths() -> dict[str, Made]:
    data = load("digits")
    torch.manual_seed(3)
    torch.set_num_threads(1)
    trained = {
        module: train(model_of(module(), data.pixels), data, epochs=2, batch=32, seed=1)
        for module in (chain, Residual)
    }
    return {name: make(case, trained[case.module], data, name) for name, case in CASES.items()}


@pytest.fixture(scope="module")
def results(paths, tmp_path_factory) -> dict[tuple[str, Stalls], Result]:
    """All designs in one model, one run for each kind of stalls."""
    folder, designs = tmp_path_factory.mktemp("pruned"), []
    for name, path in paths.items():
        emit(path.network, path.folding, folder / name, top=name)
        expected = path.network.compute(path.pictures)
        designs.append(Design(name, folder / name, path.pictures, expected))
    found = simulate(designs, folder / "build", stalls=STALLS, jobs=2)
    return {(result.name, result.stalls): result for result in found}


@each_case
def test_networks_are_pruned_as_asked_and_compute_what_the_judge_does(paths, name: str) -> None:
    case, path = CASES[name], paths[name]
    assert path.model.macs <= 0.6 * path.dense.macs
    assert (path.network.macs, path.network.parameters) == (path.model.macs, path.model.parameters)
    layers = [layer for layer in path.network.layers if isinstance(layer, Conv)]
    told = {layer.granularity for layer in layers}
    assert case.granularity in told <= {"dense", case.granularity}
    found = path.network.compute(path.pictures)["linear"]
    np.testing.assert_array_equal(found, judge(path.network, path.pictures))
    assert len(np.unique(found[:, :, 0, 0].argmax(1))) > 3


def test_the_stream_of_the_residual_network_is_pruned(paths) -> None:
    """Both blocks and the first layer lose the same maps; the shortcut knows where the rest is."""
    path = paths["maps"]
    layers = {layer.name: layer for layer in path.network.layers}
    adds = [layer for layer in layers.values() if isinstance(layer, Add)]
    stream = layers["conv1"].channels
    assert len(stream) < 4
    assert layers["block1_conv2"].channels == stream
    assert [add.stride for add in adds] == [(1, 1), (2, 2)]
    after = layers["block2_conv2"].channels
    assert len(after) < 8
    shortcut = [stream.index(at - 2) if at - 2 in stream else -1 for at in after]
    assert list(adds[1].channels) == shortcut
    assert {-1} < set(shortcut)


@pytest.mark.rtl
@each_case
def test_verilog_computes_the_network_whoever_stalls(results, name: str) -> None:
    for stalls in STALLS:
        result = results[name, stalls]
        assert (result.mismatches, result.protocol_errors) == (0, ()), str(stalls)
        assert result.frames == FRAMES


@pytest.mark.rtl
@each_case
def test_verilog_takes_the_cycles_that_are_predicted(results, paths, name: str) -> None:
    path, free = paths[name], results[name, FREE]
    cost = predict(path.network, path.folding)
    assert (free.interval, free.latency) == (cost.interval, cost.latency)
    ends = np.max([*predict_ends(path.network, path.folding, FRAMES).values()], axis=0)
    assert list(free.intervals) == np.diff(ends).tolist()


@pytest.mark.rtl
@each_case
def test_what_is_pruned_takes_no_cycles(results, paths, name: str) -> None:
    """The dense network takes longer on the same multipliers."""
    path = paths[name]
    dense = quantise(path.dense.real_network, path.pictures)
    cost = predict(dense, fold_to_multipliers(dense, MULTIPLIERS))
    assert results[name, FREE].interval < 0.8 * cost.interval
