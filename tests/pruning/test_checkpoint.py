import copy
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pruning import zoo
from pruning.checkpoint import load_model, save_model
from pruning.granularities import units
from pruning.graph_module import GraphModule
from pruning.masks import pruned as prune
from pruning.models import Model, model_of
from tests.pruning.imports import pixels


@pytest.fixture
def pruned(trained: Model) -> Model:
    """Both ways: maps of a layer are cut, kernels of another are masked."""
    found = trained.module.graph
    maps, kernels = (units(found, kind, Fraction(5, 8)) for kind in ("feature-map", "kernel"))
    found = prune(found, maps[:1], {"conv2": np.arange(8) % 3 != 1})
    (kernels,) = units(found, "kernel", {"conv3": Fraction(1, 2)})
    found = prune(found, [kernels], {"conv3": kernels.strongest(np.arange(kernels.count))})
    return Model(GraphModule(found), trained.pixels, {"seed": 7})


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
    nodes = {node.name: node for node in loaded.module.graph.nodes}
    assert nodes["conv2"].layer.channels == (0, 2, 3, 5, 6)
    assert nodes["conv3"].layer.granularity == "kernel"
    assert loaded.parameters == pruned.parameters
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


def node(record: dict, name: str) -> dict:
    return next(entry for entry in record["nodes"] if entry["name"] == name)


CHANGES = [
    (lambda r, t: r.update(schema="secateur.model/9"), r"schema must be secateur\.model/2, not"),
    (lambda r, t: r.pop("nodes"), r"not a model file: 'nodes' is missing"),
    (lambda r, t: r.update(outputs=["conv9"]), r"output 'conv9' must be a layer"),
    (lambda r, t: r.update(outputs=[]), r"a model must have layers and an output"),
    (lambda r, t: node(r, "conv1").update(kind="GRU"), r"layer 'conv1' must be one of .*'GRU'"),
    (lambda r, t: node(r, "conv1").update(inputs=["x"]), r"layer 'conv1': its input 'x' must come"),
    (lambda r, t: node(r, "conv2").update(name="conv1"), r"layer 'conv1' must have a name of its"),
    (lambda r, t: node(r, "conv2")["values"].update(colour=1), r"layer 'conv2': .*colour"),
    (lambda r, t: node(r, "conv2")["values"].update(padding=[0] * 4), r"layer 'conv2' must make"),
    (lambda r, t: node(r, "conv2")["values"].update(stride=["x", 1]), r"layer 'conv2'"),
    (
        lambda r, t: node(r, "bn2").update(inputs=["conv1"]),
        r"layer 'bn2': mean must be",
    ),
    (lambda r, t: node(r, "input").update(shape=[1, 9, 9]), r"pictures must be \(1, 8, 8\), not"),
    (lambda r, t: r["nodes"].append(7), r"not a model file"),
    (lambda r, t: r["pixels"].update(shape=[1, 8]), r"shape must be three positive numbers"),
    (lambda r, t: r["pixels"].update(bits=5.0), r"bits must be 2 to 8, not 5\.0"),
    (lambda r, t: r["pixels"].update(scale=["a"]), r"scale must be positive, not \('a',\)"),
    (lambda r, t: r["pixels"].update(offset=[0.5]), r"offset must be whole numbers, not \(0\.5,\)"),
    (lambda r, t: r["pixels"].update(colour=1), r"not a model file: .*colour"),
    (lambda r, t: r.update(facts=3), r"not a model file"),
    (lambda r, t: t.pop("bn1.bias"), r"tensor 'bn1\.bias' is missing"),
    (lambda r, t: t.update(more=torch.zeros(1)), r"tensor 'more' has no layer"),
    (
        lambda r, t: t.update({"linear.bias": torch.zeros(9)}),
        r"layer 'linear': bias must be",
    ),
    (
        lambda r, t: t.update({"linear.bias": torch.zeros(10, dtype=torch.float16)}),
        r"layer 'linear': bias must be torch\.float32 \(10,\), not torch\.float16 \(10,\)",
    ),
    (lambda r, t: r.update(outputs=["linear"] * 2), r"outputs must differ"),
    (lambda r, t: r.update(outputs=["relu2"]), r"layer 'linear' must lead to an output"),
    (lambda r, t: node(r, "relu1").update(kind="Picture", values={}), r"layer 'relu1' must not be"),
    (lambda r, t: node(r, "input").update(kind="Flatten"), r"layer 'input' must be the picture"),
    (lambda r, t: node(r, "relu1").update(inputs=["bn1"] * 2), r"layer 'relu1' must have 1 "),
    (lambda r, t: node(r, "relu1").update(kind="Add", values={}), r"layer 'relu1' must have 2 inp"),
    (
        lambda r, t: node(r, "relu1").update(shape=[6.0, 8, 8]),
        r"layer 'relu1' must not make",
    ),
    (lambda r, t: node(r, "relu1").update(shape=[-6, 8, 8]), r"layer 'relu1' must not make"),
    (
        lambda r, t: node(r, "conv2").update(shape=[8] + [1 << 20] * 2),
        r"layer 'conv2' must not",
    ),
    (
        lambda r, t: node(r, "relu3").update(shape=[160]),
        r"layer 'relu3' must make 10 channels, not",
    ),
    (
        lambda r, t: node(r, "flatten").update(shape=[160, 1, 1]),
        r"layer 'flatten' must make one",
    ),
    (
        lambda r, t: node(r, "conv2").update(parameters={}),
        r"layer 'conv2': weight must be",
    ),
    (
        lambda r, t: t.update({"conv3:mask": torch.ones(1) > 0}),
        r"layer 'conv3': mask must be",
    ),
    (
        lambda r, t: t.update({"conv3:mask": t["conv3.weight"] + 1}),
        r"layer 'conv3': mask must be",
    ),
    (
        lambda r, t: t.update({"conv3.weight": ~t["conv3:mask"]}),
        r"layer 'conv3': weight must",
    ),
    (
        lambda r, t: t.update({"conv3.weight": torch.ones(5, 5)}),
        r"layer 'conv3': weight must",
    ),
    (lambda r, t: t["bn2.running_var"].neg_(), r"layer 'bn2': variance must be positive"),
]
VALUES = [
    ("conv2", {"padding": [30000] * 4}, r"padding must be four numbers, 0 to 4096, not \(30000"),
    ("conv2", {"padding": [-1] * 4}, r"padding must be four numbers"),
    ("conv2", {"stride": 1}, r"stride must be two positive numbers, not 1"),
    ("conv2", {"stride": [0, 1]}, r"stride must be two positive numbers"),
    ("conv2", {"dilation": [1.0, 1.0]}, r"dilation must be two positive numbers"),
    ("conv2", {"groups": True}, r"groups must be a positive number, not True"),
    ("conv2", {"groups": 2}, r"groups must divide 5 and"),
    ("conv2", {"channels": [4, 3, 2, 1, 0]}, r"channels must ascend, one for each of 5"),
    ("conv2", {"channels": [-1, 0, 1, 2, 3]}, r"channels must ascend"),
    ("conv2", {"channels": [1, 2]}, r"channels must ascend, one for each of 5"),
    ("conv2", {"granularity": "pixel"}, r"granularity must be one of dense, .*, not 'pixel'"),
    ("conv2", {"bias": 3.0}, r"bias must be a tensor, not 3\.0"),
    ("bn2", {"epsilon": float("nan")}, r"epsilon must be at least 0, not nan"),
    ("bn2", {"momentum": 10**400}, r"momentum must be 0 to 1"),
    ("relu1", {"clip": [5, 0]}, r"clip must be two limits that ascend"),
    ("relu1", {"clip": ["a", 0]}, r"clip must be two limits"),
]


@pytest.mark.parametrize(("layer", "values", "sentence"), VALUES)
def test_values_out_of_range_are_refused(path: Path, layer: str, values: dict, sentence: str):
    rewrite(path, lambda record, _: node(record, layer)["values"].update(values))
    with pytest.raises(ValueError, match=rf"^.*model\.safetensors: layer '{layer}': {sentence}"):
        load_model(path)


@pytest.mark.parametrize("channel", [6, 99, -2, 1.5])
def test_padding_takes_channels_that_are_there(path: Path, channel: float):
    values = {"edges": [0] * 4, "channels": [0, 1, 2, 3, 4, channel]}
    rewrite(path, lambda r, _: node(r, "relu1").update(kind="Pad", values=values))
    with pytest.raises(ValueError, match=r"layer 'relu1': channels must be (below 6|numbers)"):
        load_model(path)


@pytest.mark.parametrize("name", ["resnet20", "ds-cnn", "cifar-small", "mlp"])
def test_any_model_comes_back(tmp_path: Path, name: str):
    model = model_of(zoo.build(name), pixels(zoo.SHAPES[name]))
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    x = torch.randn(2, *zoo.SHAPES[name])
    assert torch.equal(loaded.module(x), model.module(x))
    assert not loaded.module.training
    assert load_file(tmp_path / "model").keys() <= zoo.build(name).state_dict().keys()


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
