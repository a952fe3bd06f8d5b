from pathlib import Path

import pytest
import torch
from torch import nn

from pruning.data import DataSet
from pruning.models import Model, model_of
from pruning.train import train
from tests.pruning.scripts import kill_at, part_of

SCRIPT = """
import torch
torch.set_num_threads(1)
from pruning.data import load
from tests.pruning.scripts import part_of
from tests.pruning.test_resume import dropping, OPTIONS
from pruning.train import train

data = part_of(load("digits"))
model = dropping(data)
train(model, data, teacher=model, checkpoint={path!r}, **OPTIONS,
      progress=lambda stage, done, total, message: print(done))
"""
OPTIONS = {"epochs": 60, "batch": 32, "augment": True, "warm_up": 1, "seed": 4}


def dropping(data: DataSet) -> Model:
    """A model with running statistics, momentum and chance."""
    torch.manual_seed(2)
    layers = (nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3))
    return model_of(nn.Sequential(*layers, nn.Flatten(), nn.Linear(256, 10)), data.pixels)


def assert_equal(one: Model, other: Model) -> None:
    for key, value in one.module.state_dict().items():
        assert torch.equal(value, other.module.state_dict()[key]), key


@pytest.fixture(scope="module")
def data(digits: DataSet) -> DataSet:
    return part_of(digits)


@pytest.fixture(scope="module")
def begun(data: DataSet, tmp_path_factory) -> Path:
    """The checkpoint of a training of one epoch, which it has ended."""
    path = tmp_path_factory.mktemp("begun") / "training.safetensors"
    train(dropping(data), data, epochs=1, checkpoint=path)
    return path


def test_training_goes_on_after_a_kill_bit_for_bit(data: DataSet, tmp_path: Path):
    path, model = tmp_path / "training.safetensors", dropping(data)
    printed = kill_at(SCRIPT.format(path=str(path)), "7")
    assert printed == [str(epoch) for epoch in range(1, 8)]
    epochs: list[int] = []
    resumed = train(
        model,
        data,
        teacher=model,
        checkpoint=path,
        progress=lambda stage, done, total, message: epochs.append(done),
        **OPTIONS,
    )
    assert epochs[0] in (8, 9)  # the ninth, if the kill came late
    assert epochs[-1] == 60
    assert_equal(resumed, train(model, data, teacher=model, **OPTIONS))


def test_what_has_ended_is_read(data: DataSet, begun: Path):
    said = []
    model = dropping(data)
    again = train(
        model, data, epochs=1, checkpoint=begun, progress=lambda *words: said.append(words)
    )
    assert not said
    assert_equal(again, train(model, data, epochs=1))
    assert [path.name for path in begun.parent.iterdir()] == [begun.name]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"rate": 0.1}, r"training\.safetensors: rate must be 0\.05, not 0\.1$"),
        ({"epochs": 2}, r"training\.safetensors: epochs must be 1, not 2$"),
        ({"augment": True}, r"training\.safetensors: augment must be False, not True$"),
        ({"seed": 1}, r"training\.safetensors: seed must be 0, not 1$"),
        ({"threads": 2}, r"training\.safetensors: threads must be 1, not 2$"),
    ],
)
def test_other_arguments_are_named(data: DataSet, begun: Path, changes: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        train(dropping(data), data, checkpoint=begun, **{"epochs": 1, **changes})


def test_other_models_and_pictures_are_named(data: DataSet, digits: DataSet, begun: Path):
    model = dropping(data)
    other = Model(model.module, model.pixels)
    with torch.no_grad():
        other.module.get_parameter("5.bias")[3] += 1e-3
    with pytest.raises(ValueError, match=r": model must be '[0-9a-f]{16}', not '[0-9a-f]{16}'$"):
        train(other, data, epochs=1, checkpoint=begun)
    with pytest.raises(ValueError, match=r": data must be '[0-9a-f]{16}', not "):
        train(dropping(data), digits, epochs=1, checkpoint=begun)
    with pytest.raises(ValueError, match=r": teacher must be None, not '[0-9a-f]{16}'$"):
        train(dropping(data), data, epochs=1, checkpoint=begun, teacher=model)


@pytest.mark.parametrize("length", [0, 9, 400, -5])
def test_damaged_files_are_refused(data: DataSet, begun: Path, tmp_path: Path, length: int):
    path = tmp_path / "damaged"
    path.write_bytes(begun.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"damaged: not the state of a training: "):
        train(dropping(data), data, epochs=1, checkpoint=path)
