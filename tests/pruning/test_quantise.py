import copy

import numpy as np
import pytest
import torch

from hw.layers import Conv
from pruning import zoo
from pruning.accuracy import accuracy
from pruning.data import DataSet, Pixels
from pruning.evaluate import evaluate
from pruning.models import Model, model_of
from pruning.prune import prune
from pruning.quantise import quantise
from pruning.selectors import RandomMasks
from tests.pruning.judge import judge

OPTIONS = [
    {},
    {"weight_bits": 4, "activation_bits": 5, "ranges": "percentile", "percentile": 99.0},
    {"weight_bits": 5, "activation_bits": 4, "ranges": "mse"},
    {"weight_bits": 2, "activation_bits": 2},
    {"power_of_two": True},
    {"power_of_two": True, "weight_bits": 3, "activation_bits": 8},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_integers_equal_those_of_an_independent_judge(
    trained: Model, digits: DataSet, options: dict
):
    pruned = prune(trained, digits, selector=RandomMasks(2))
    for model in (trained, pruned):
        network = quantise(model.real_network, digits.validation.images, **options)
        found = network.compute(digits.test.images)["linear"]
        np.testing.assert_array_equal(found, judge(network, digits.test.images))
        assert len(np.unique(found)) > 10


def test_colour_pictures_with_offsets_equal_the_judge():
    pixels = Pixels((3, 12, 10), 8, (0.01, 0.02, 0.03), (120, 130, 90))
    module = zoo.build("chain", 5, shape=pixels.shape, widths=(4, 5), pools=(1,))
    model = model_of(module, pixels)
    images = np.random.default_rng(0).integers(0, 256, (9, 3, 12, 10), np.uint8)
    network = quantise(model.real_network, images, name="colour")
    assert network.name == "colour"
    assert network.input.offset == (120, 130, 90)
    found = network.compute(images)["linear"]
    np.testing.assert_array_equal(found, judge(network, images))
    with torch.no_grad():
        x = (torch.tensor(images) - torch.tensor(pixels.offset)[:, None, None]).float()
        x = model.module.eval()(x * torch.tensor(pixels.scale)[:, None, None]).numpy()
    real = found[:, :, 0, 0] * network.formats["linear"].scale
    assert np.abs(real - x).max() < 0.02 * np.abs(x).max()


@pytest.mark.parametrize(
    "options", [{}, {"power_of_two": True}, {"ranges": "percentile"}, {"ranges": "mse"}]
)
def test_integers_are_as_accurate_as_floats(trained: Model, digits: DataSet, options: dict):
    network = quantise(trained.real_network, digits.validation.images, **options)
    logits = network.compute(digits.test.images)["linear"]
    floating = evaluate(trained, digits.test)
    assert floating > 0.9
    assert abs(accuracy(logits, digits.test.labels) - floating) <= 0.01


def test_network_is_as_large_as_the_model_and_knows_what_was_pruned(
    trained: Model, digits: DataSet
):
    pruned = prune(trained, digits, selector=RandomMasks(2))
    for model in (trained, pruned):
        network = quantise(model.real_network, digits.validation.images)
        assert (network.macs, network.parameters) == (model.macs, model.parameters)
    convs = {layer.name: layer for layer in network.layers if isinstance(layer, Conv)}
    assert len(convs["conv2"].channels) == pruned.facts["prune"]["kept"]["conv2"] < 8
    grain = {name: conv.granularity for name, conv in convs.items()}
    cut = "feature-map"
    assert grain == {"conv1": "dense", "conv2": cut, "conv3": cut, "linear": cut}


def test_numbers_keep_to_the_contract(trained: Model, digits: DataSet):
    network = quantise(
        trained.real_network, digits.validation.images, weight_bits=6, activation_bits=7
    )
    convs = [layer for layer in network.layers if isinstance(layer, Conv)]
    assert network.input.bits == 5
    assert network.input.scale == 1 / 16
    for conv in convs[:-1]:
        assert conv.multiplier is not None
        assert conv.shift is not None
        assert len(set(conv.shift.tolist())) == 1
        assert 2**12 <= conv.multiplier.max() < 2**16
        assert (conv.bits, conv.signed, conv.weight_bits) == (7, False, 6)
        assert (np.abs(conv.weight).max(axis=(1, 2, 3)) >= 29).all()  # a scale for every output
    assert convs[-1].multiplier is None
    assert (np.abs(convs[-1].weight).max(axis=(1, 2, 3)) >= 29).sum() < 5  # one for all
    for conv in convs[:-1]:  # the largest activation just fits
        peaks = network.compute(digits.validation.images, [conv.name])[conv.name]
        assert 120 <= peaks.max() <= 127


def test_power_of_two_needs_no_multiplier(trained: Model, digits: DataSet):
    network = quantise(trained.real_network, digits.validation.images, power_of_two=True)
    for conv in network.layers:
        if isinstance(conv, Conv) and conv.shift is not None:
            np.testing.assert_array_equal(conv.multiplier, np.ones(len(conv.bias)))
            assert len(np.unique(conv.shift)) == 1


def test_dead_outputs_are_quantised_too(trained: Model, digits: DataSet):
    model = copy.deepcopy(trained)
    with torch.no_grad():
        model.module.get_parameter("conv2.weight")[3] = 0
        model.module.get_parameter("bn3.weight")[:] = 0
        model.module.get_parameter("bn3.bias")[:] = -1
    network = quantise(model.real_network, digits.validation.images)
    logits = network.compute(digits.test.images[:5])["linear"]
    assert (logits == logits[:1]).all()  # nothing of the picture comes through
    np.testing.assert_array_equal(logits, judge(network, digits.test.images[:5]))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"weight_bits": 1}, r"^weight_bits must be 2 to 8, not 1$"),
        ({"activation_bits": 9}, r"^activation_bits must be 2 to 8, not 9$"),
        ({"percentile": 0.0}, r"^percentile must be above 0 and at most 100, not 0\.0$"),
        ({"ranges": "max"}, r"^ranges must be one of minmax, percentile, mse, not 'max'$"),
        ({"weight_bits_of": {"x": 4}}, r"^weight_bits: there is no layer 'x'$"),
        ({"activation_bits_of": {"conv1": 1}}, r"^activation_bits must be 2 to 8, not 1$"),
    ],
)
def test_options_out_of_range(trained: Model, digits: DataSet, options: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        quantise(trained.real_network, digits.validation.images, **options)


def test_pictures_are_needed(trained: Model, digits: DataSet):
    with pytest.raises(ValueError, match=r"^images must be at least one picture, not 0$"):
        quantise(trained.real_network, digits.validation.images[:0])


def test_activations_that_overflow_are_refused(trained: Model, digits: DataSet):
    model = copy.deepcopy(trained)
    with torch.no_grad():
        model.module.get_parameter("bn3.weight")[:] = 3e38
    with pytest.raises(ValueError, match=r"^layer 'conv3': activations must be finite$"):
        quantise(model.real_network, digits.validation.images)
