"""Every selector at every granularity: from a trained model to integers that its masks decide."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from hw.layers import Conv
from hw.network import Network
from pruning.checkpoint import load_model, save_model
from pruning.coupling import makes
from pruning.data import DataSet
from pruning.fake_quantise import FakeQuantised
from pruning.granularities import GRANULARITIES, units
from pruning.masks import surviving_weights
from pruning.models import Model
from pruning.prune import prune
from pruning.quantise import assemble, quantised_parts
from pruning.selectors import SELECTORS, BnScale, Problem, Selector
from pruning.selectors.making import make_selector
from pruning.train import train
from pruning.units import Labels
from tests.pruning.judge import judge
from tests.pruning.scripts import part_of

HALF = Fraction(1, 2)
SMALL = {
    "random-masks": {"candidates": 2},
    "particle-filter": {"particles": 4, "generations": 2},
    "linear-ensembles": {"masks": 6, "steps": 2},
    "probabilistic": {"t": 1, "A": 0.5, "iterations": 8},
}
PAIRS = [
    (selector, granularity)
    for selector in SELECTORS
    for granularity in GRANULARITIES
    if selector != "bn-scale" or granularity == "feature-map"
]
every_pair = pytest.mark.parametrize(("selector", "granularity"), PAIRS)


@dataclass(frozen=True)
class Made:
    """What a pair has made of the trained model, and the survivors that its masks name."""

    model: Model
    survivors: Labels
    maps: dict[str, list[int]]
    parts: tuple
    network: Network


@pytest.fixture(scope="module")
def data(digits: DataSet) -> DataSet:
    return part_of(digits)


@pytest.fixture(scope="module")
def make(trained: Model, data: DataSet):
    """Prune, retrain and quantise, once for every pair; masks are found by asking again."""
    known: dict[tuple[str, str], Made] = {}

    def made(name: str, granularity: str) -> Made:
        if (name, granularity) not in known:
            selector = make_selector(name, **SMALL.get(name, {}))
            known[name, granularity] = _make(trained, data, selector, granularity)
        return known[name, granularity]

    return made


def _make(trained: Model, data: DataSet, selector: Selector, granularity: str) -> Made:
    found = trained.module.graph
    chosen = units(found, granularity, HALF)
    masks = selector.select(Problem(trained, data, chosen, 5)).masks
    small = prune(trained, data, shares=HALF, granularity=granularity, selector=selector, seed=5)
    small = train(small, data, epochs=1, rate=0.01, batch=32, seed=2)
    maps = {
        u.name: np.flatnonzero(masks[u.name]).tolist() for u in chosen if u.channels is not None
    }
    parts = quantised_parts(small.real_network, data.validation.images)
    return Made(small, surviving_weights(chosen, masks), maps, parts, assemble(*parts, "pair"))


def convolutions(network: Network) -> dict[str, Conv]:
    return {layer.name: layer for layer in network.layers if isinstance(layer, Conv)}


@every_pair
def test_survivors_are_those_of_the_masks(make, trained: Model, selector: str, granularity: str):
    made = make(selector, granularity)
    layers = convolutions(made.network)
    assert set(made.survivors) == ({"conv3", "linear"} if made.maps else {"conv2", "conv3"})
    for node in trained.module.graph.nodes:
        if not makes(node):
            continue
        conv, rows = layers[node.name], range(len(node.layer.weight))
        if granularity == "feature-map":
            rows = made.maps.get(node.name, rows)
            assert list(conv.channels) == list(rows)
            assert conv.survivors.all()
            stays = made.survivors.get(node.name, np.ones(node.layer.weight.shape, bool))
            assert conv.weight.size == stays[rows].sum()
        elif node.name in made.survivors:
            stays = made.survivors[node.name]
            np.testing.assert_array_equal(conv.survivors, stays.reshape(conv.weight.shape))
            assert 0 < stays.mean() < 0.7  # groups of kernels differ in size
            assert conv.granularity == granularity.removesuffix("-free")
        else:
            assert conv.survivors.all()
        assert not conv.weight[~conv.survivors].any()
        assert np.count_nonzero(conv.weight) > 0.8 * conv.survivors.sum()


@every_pair
def test_integers_are_those_of_the_judge_and_of_the_torch_module(
    make, data: DataSet, selector: str, granularity: str
):
    made, images = make(selector, granularity), data.test.images[:40]
    names = [layer.name for layer in made.network.layers if layer.inputs]
    found = made.network.compute(images, keep=names)
    (output,) = made.network.outputs
    np.testing.assert_array_equal(found[output], judge(made.network, images))
    module = FakeQuantised(*made.parts).double()
    with torch.no_grad():
        results = module.results(torch.tensor(images, dtype=torch.float64))
    for name in names:
        np.testing.assert_array_equal(results[name].numpy(), found[name], name)
    logits = found[output][:, :, 0, 0]
    assert len(np.unique(logits.argmax(1))) > 1


@every_pair
def test_sizes_agree_and_files_come_back(
    make, data: DataSet, tmp_path: Path, selector: str, granularity: str
):
    made, images = make(selector, granularity), data.test.images[:8]
    assert (made.network.macs, made.network.parameters) == (made.model.macs, made.model.parameters)
    save_model(made.model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert loaded.facts == made.model.facts
    again = assemble(*quantised_parts(loaded.real_network, data.validation.images), "pair")
    made.network.save(tmp_path / "one")
    again.save(tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    read = Network.load(tmp_path / "one")
    assert (read.macs, read.parameters) == (made.network.macs, made.network.parameters)
    for name, value in made.network.compute(images).items():
        np.testing.assert_array_equal(read.compute(images)[name], value)


@pytest.mark.parametrize("granularity", GRANULARITIES[1:])
def test_scales_of_normalisation_judge_maps_alone(trained: Model, data: DataSet, granularity: str):
    sentence = (
        rf"^layer 'conv2': granularity must be feature-map for bn-scale, not '{granularity}'$"
    )
    with pytest.raises(ValueError, match=sentence):
        prune(trained, data, shares=HALF, granularity=granularity, selector=BnScale())
