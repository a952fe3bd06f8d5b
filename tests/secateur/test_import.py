import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pruning.real_network import RealNetwork
from secateur import cli
from secateur.files import save_frames

SOURCE = """
from torch import nn
from torch.nn import functional as F


class Small(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.again = nn.Conv2d(width, width, 3, padding=1)
        self.linear = nn.Linear(width, 10)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        x = F.relu(x + self.again(x))
        return self.linear(x.mean((2, 3)))


def odd():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.GELU())


def nan():
    module = Small()
    module.conv.weight.data[0] = float("nan")
    return module
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    (tmp_path / "mine_for_test.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *options: object) -> dict:
    assert cli.main([*map(str, options), "--json", "-q"]) == 0
    return json.loads(capsys.readouterr().out)


def fails(capsys, *options: object) -> str:
    assert cli.main([*map(str, options), "-q"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "Traceback" not in err
    return err.removeprefix("secateur: ").strip()


def test_a_model_of_ones_own_becomes_verilog(capsys, here: Path) -> None:
    """Import, quantise and generate, from files."""
    torch.manual_seed(0)
    model = ("import", "mine_for_test:Small", "--shape", "1,8,8", "--bits", 5, "--scale", 1 / 16)
    found = run(capsys, *model, "--option", "width=6")
    assert found["file"] == "Small.real.safetensors"
    assert [layer["kind"] for layer in found["layers"]] == [
        "Conv",
        "Conv",
        "Add",
        "AvgPool",
        "Conv",
    ]
    assert found["layers"][1]["place"] == "again"
    assert found["macs"] == (6 * 9 + 36 * 9) * 64 + 60
    made = run(capsys, "quantize", found["file"], "--data", "digits", "--weight-bits", 6)
    assert made["test"]["images"] == 450
    assert made["parameters"] == found["parameters"]
    assert made["weight_bits"] == 6 * (6 * 9 + 36 * 9 + 60)
    done = run(capsys, "generate", made["file"], "--multipliers", 8)
    assert (here / "Small" / "top.v").is_file()
    assert done["multipliers"] <= 8


def test_weights_come_from_a_file(capsys, here: Path) -> None:
    from importlib import import_module

    model = ("import", "mine_for_test:Small", "--shape", "1,8,8")
    torch.manual_seed(5)
    module = nn.ModuleDict({"m": import_module("mine_for_test").Small()})["m"]
    save_file(module.state_dict(), here / "w.safetensors")
    found = run(capsys, *model, "--weights", "w.safetensors", "--mean", "0.5", "--std", "0.25")
    network = RealNetwork.load(found["file"])
    assert network.pixels.offset == (128,)
    assert network.pixels.scale == (1 / 255 / 0.25,)
    x = torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        expected = module.eval()(x)
    (scores,) = network.compute(x).values()
    torch.testing.assert_close(scores.flatten(1), expected, rtol=1e-4, atol=1e-4)


def test_layers_may_have_bits_of_their_own_and_be_fine_tuned(capsys, here: Path) -> None:
    real = run(capsys, "import", "mine_for_test:Small", "--shape", "1,8,8", "--bits", 5)["file"]
    options = ("--layer-bits", "conv=3,4", "--ranges", "mse", "--epochs", 1)
    made = run(capsys, "quantize", real, "--data", "digits", *options, "--out", "n.safetensors")
    assert made["weight_bits"] == 3 * 36 + 8 * (144 + 40)
    assert made["file"] == "n.safetensors"


def test_pictures_may_come_from_a_file(capsys, here: Path) -> None:
    real = run(capsys, "import", "mine_for_test:Small", "--shape", "1,8,8", "--bits", 5)["file"]
    pictures = np.random.default_rng(0).integers(0, 32, (5, 1, 8, 8), dtype=np.uint8)
    save_frames(here / "p.safetensors", pictures, np.zeros(5, np.int64))
    assert run(capsys, "quantize", real, "--pictures", "p.safetensors")["test"] is None
    save_frames(here / "p.safetensors", pictures + 32, np.zeros(5, np.int64))
    told = fails(capsys, "quantize", real, "--pictures", "p.safetensors", "--force")
    assert told.startswith("p.safetensors: elements must be below 32, not ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("mine_for_test:odd", "--shape", "1,8,8"), ("GELU", "ReLU")),
        (("mine_for_test:nan", "--shape", "1,8,8"), ("conv", "finite")),
        (("mine_for_test:Small", "--shape", "3,8,8"), ("conv",)),
        (("mine_for_test:Small", "--shape", "0,8,8"), ("--shape must be positive", "'0,8,8'")),
        (("mine_for_test:Small",), ("--shape must say C,H,W",)),
        (("mine_for_test:Large", "--shape", "1,8,8"), ("Large",)),
        (("mine_for_test:Small", "--shape", "1,8,8", "--option", "x"), ("--option", "'x'")),
        (("mine_for_test:Small", "--shape", "1,8,8", "--option", "x=1"), ("x",)),
        (("mine_for_test:Small", "--shape", "1,8,8", "--std", "0"), ("--std", "'0'")),
        (("mine_for_test:Small", "--shape", "1,8,8", "--bits", "9"), ("--bits", "9")),
        (("resnet21",), ("--shape",)),
        (("resnet20", "--weights", "mine_for_test.py"), ("mine_for_test.py",)),
        (("resnet20", "--weights", "no.safetensors"), ("no.safetensors",)),
    ],
)
def test_wrong_input_is_named(capsys, here: Path, options: tuple, words: tuple) -> None:
    told = fails(capsys, "import", *options)
    assert all(word in told for word in words), told
    assert sorted(path.name for path in here.iterdir() if path.suffix) == ["mine_for_test.py"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--data", "digits", "--layer-bits", "conv"), ("--layer-bits must be NAME=W,A",)),
        (("--data", "digits", "--layer-bits", "none=4"), ("there is no layer 'none'",)),
        (("--data", "digits", "--weight-bits", "1"), ("weight_bits must be 2 to 8, not 1",)),
        (("--data", "digits", "--images", "0"), ("--images must be at least 1",)),
        (("--pictures", "no.safetensors"), ("no.safetensors",)),
        (("--pictures", "mine_for_test.py", "--epochs", "1"), ("--epochs must come with --data",)),
        (("--data", "mnist"), ("mnist",)),
    ],
)
def test_wrong_quantisation_is_named(capsys, here: Path, options: tuple, words: tuple) -> None:
    real = run(capsys, "import", "mine_for_test:Small", "--shape", "1,8,8", "--bits", 5)["file"]
    told = fails(capsys, "quantize", real, *options)
    assert all(word in told for word in words), told
    assert not list(here.glob("*.network.*"))
