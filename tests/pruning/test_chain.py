import json

import pytest
import torch
from torch import nn

from pruning.chain import UnsupportedLayer, build, structure, walk
from pruning.models import Model


def test_structure_survives_json_and_builds_the_same_layers(trained: Model):
    layers = structure(trained.module)
    rebuilt = build(json.loads(json.dumps(layers)))
    assert structure(rebuilt) == layers
    rebuilt.load_state_dict(trained.module.state_dict())
    x = torch.rand(3, 1, 8, 8)
    torch.testing.assert_close(rebuilt.eval()(x), trained.module.eval()(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (nn.Sigmoid(), r"^layer '0' must be one of Conv2d, .*, Linear, not Sigmoid$"),
        (nn.Conv2d(4, 4, 3, groups=2), r"^layer '0': groups must be 1, not 2$"),
        (nn.Conv2d(4, 4, 3, padding="same"), r"^layer '0': padding must be numbers, not 'same'$"),
        (nn.MaxPool2d(2, ceil_mode=True), r"^layer '0' must round down and must not be dilated$"),
        (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), r"^layer '0': padding_mode must"),
    ],
)
def test_structure_refuses(layer: nn.Module, sentence: str):
    with pytest.raises(UnsupportedLayer, match=sentence):
        structure(nn.Sequential(layer))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "GRU"}, r"^layer 'a' must be one of Conv2d, .*, not 'GRU'$"),
        ({"out_features": 0}, r"^layer 'a': out_features must be 1 to 4096, not 0$"),
        ({"out_features": "9"}, r"^layer 'a': out_features must be 1 to 4096, not '9'$"),
        ({"colour": 1}, r"^layer 'a': .*colour"),
        ({"name": "a.b"}, r"^layer 'a.b' must have a name of its own, without a dot$"),
    ],
)
def test_build_refuses(change: dict, sentence: str):
    record = {"name": "a", "kind": "Linear", "in_features": 4, "out_features": 2, "bias": True}
    with pytest.raises(ValueError, match=sentence):
        build([record | change])


def test_walk_counts_multiply_adds_and_parameters(trained: Model):
    steps = {step.name: step for step in walk(trained.module, (1, 8, 8))}
    assert steps["conv2"].macs == 8 * 8 * 8 * 6 * 9
    assert steps["conv3"].output == (10, 4, 4)
    assert steps["linear"].macs == 10 * 10 * 16
    assert steps["linear"].parameters == 10 * 10 * 16 + 10
    assert steps["bn2"].macs == steps["bn2"].parameters == 0


def test_walk_names_the_layer_that_does_not_fit(trained: Model):
    with pytest.raises(ValueError, match=r"^layer 'conv1' must fit a shape of \(3, 8, 8\): "):
        list(walk(trained.module, (3, 8, 8)))
