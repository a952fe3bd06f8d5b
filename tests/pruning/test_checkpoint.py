import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning.checkpoint import load_model, save_model
from pruning.models import Model
from pruning.surgery import cut


@pytest.fixture
def pruned(trained: Model) -> Model:
    model = cut(trained, {"conv2": np.arange(8) % 3 != 1})
    model.facts["seed"] = 7
    return model


@pytest.fixture
def path(pruned: Model, tmp_path: Path) -> Path:
    save_model(pruned, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def rewrite(path: Path, change) -> None:
    """Write a model file again with its record changed."""
    raw = path.read_bytes()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    record = json.loads(header["__metadata__"]["secateur"])
    tensors = load_file(path)
    change(record, tensors)
    save_file(tensors, path, {"secateur": json.dumps(record)})


def test_a_model_comes_back_as_it_was(pruned: Model, path: Path):
    loaded = load_model(path)
    x = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(loaded.module(x), pruned.module.eval()(x), rtol=0, atol=0)
    assert loaded.channels == pruned.channels == {"conv2": (0, 2, 3, 5, 6)}
    assert (loaded.pixels, loaded.facts, loaded.macs) == (pruned.pixels, {"seed": 7}, pruned.macs)
    assert [file.name for file in path.parent.iterdir()] == ["model.safetensors"]


def test_the_same_model_gives_the_same_file(pruned: Model, path: Path):
    before = path.read_bytes()
    save_model(pruned, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("length", [0, 7, 300, -1, -400])
def test_a_truncated_file_is_refused(path: Path, length: int):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"^.*model\.safetensors: not a model file: "):
        load_model(path)


def test_a_missing_file_is_an_os_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        load_model(tmp_path / "none.safetensors")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(pruned: Model, path: Path, value: float):
    sentence = r"model\.safetensors: tensor 'conv3\.weight' must be finite, but holds NaN or inf"

    def spoil(record: dict, tensors: dict[str, torch.Tensor]) -> None:
        tensors["conv3.weight"][1, 2, 0, 0] = value

    rewrite(path, spoil)
    with pytest.raises(ValueError, match=sentence):
        load_model(path)
    bad = copy.deepcopy(pruned)
    with torch.no_grad():
        bad.module.get_parameter("conv3.weight")[0, 0, 0, 0] = value
    before = path.read_bytes()
    with pytest.raises(ValueError, match=sentence):
        save_model(bad, path)
    assert path.read_bytes() == before


CHANGES = [
    (lambda r, t: r.update(schema="secateur.model/9"), r"schema must be secateur\.model/1, not"),
    (lambda r, t: r.pop("layers"), r"not a model file: 'layers' is missing"),
    (lambda r, t: r["layers"][0].update(kind="GRU"), r"layer 'conv1' must be one of .*'GRU'"),
    (lambda r, t: r["layers"][3].update(in_channels=9), r"tensor 'conv2\.weight' must be .*9, 3"),
    (lambda r, t: r["layers"][3].update(padding=[0, 0]), r"layer 'linear' must fit a shape of"),
    (lambda r, t: r["layers"][3].update(stride=["x", 1]), r"layer 'conv2'"),
    (lambda r, t: r["layers"].append(7), r"not a model file"),
    (lambda r, t: r["pixels"].update(shape=[1, 8]), r"shape must be three positive numbers"),
    (lambda r, t: r["pixels"].update(colour=1), r"not a model file: .*colour"),
    (lambda r, t: r.update(channels={"conv2": [0, 2, 1, 5, 6]}), r"channels of layer 'conv2'"),
    (lambda r, t: r.update(channels={"conv9": [0]}), r"channels of layer 'conv9'"),
    (lambda r, t: r.update(facts=3), r"not a model file"),
    (lambda r, t: t.pop("bn1.bias"), r"tensor 'bn1\.bias' is missing"),
    (lambda r, t: t.update(more=torch.zeros(1)), r"tensor 'more' has no layer"),
    (
        lambda r, t: t.update({"linear.bias": torch.zeros(9)}),
        r"tensor 'linear\.bias' must be torch\.float32 \(10,\), not torch\.float32 \(9,\)",
    ),
    (
        lambda r, t: t.update({"linear.bias": torch.zeros(10, dtype=torch.float16)}),
        r"tensor 'linear\.bias' must be torch\.float32 \(10,\), not torch\.float16 \(10,\)",
    ),
]


@pytest.mark.parametrize(("change", "sentence"), CHANGES)
def test_files_that_are_wrong_are_refused(path: Path, change, sentence: str):
    rewrite(path, change)
    with pytest.raises(ValueError, match=rf"^.*model\.safetensors: {sentence}"):
        load_model(path)


def test_a_file_of_something_else_is_refused(tmp_path: Path):
    path = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, path)
    sentence = r"other\.safetensors: not a model file: 'secateur' is missing"
    with pytest.raises(ValueError, match=sentence):
        load_model(path)
