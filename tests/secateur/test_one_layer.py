import json
from types import SimpleNamespace

import numpy as np
import pytest

from hw.layers import Conv, Input, MaxPool
from hw.network import Network
from secateur import cli
from secateur.files import save_frames
from sim.records import Mismatch


def two_layers():
    rng = np.random.default_rng(0)
    weights = [rng.integers(-8, 8, shape) for shape in ((2, 1, 3, 3), (3, 2, 3, 3))]
    ones = np.ones(2, int)
    return Network(
        "two",
        (
            Input("image", (1, 6, 6), bits=4),
            Conv("conv1", "image", weights[0], 0 * ones, ones, 2 * ones, bits=4),
            MaxPool("pool1", "conv1"),
            Conv("conv2", "pool1", weights[1], np.zeros(3, int), padding=(1, 1, 1, 1)),
        ),
    )


@pytest.fixture
def path(tmp_path):
    network = two_layers()
    path = tmp_path / "two.network.safetensors"
    network.save(path)
    images = np.random.default_rng(1).integers(0, 16, (4, 1, 6, 6))
    save_frames(tmp_path / "frames.safetensors", images, np.zeros(4, int))
    return path


def pretend(monkeypatch, **changes):
    """Let the simulator answer as predicted, but for some changes; return the designs it gets."""
    seen = []

    def simulate(designs, build_dir, *, stalls, seed, progress):
        (design,) = designs
        seen.append(design)
        top = json.loads((design.folder / "top.json").read_text(encoding="utf-8"))
        return [
            SimpleNamespace(
                **{
                    **{"name": design.name, "stalls": case, "mismatches": 0},
                    **{"first_mismatch": None, "protocol_errors": ()},
                    **top["cycles"],
                    **changes,
                }
            )
            for case in stalls
        ]

    monkeypatch.setattr("secateur.one_layer.simulate", simulate)
    return seen


@pytest.mark.parametrize("layer", ["conv1", "pool1", "conv2"])
def test_a_layer_gets_what_enters_it_in_the_network(monkeypatch, capsys, path, layer):
    seen = pretend(monkeypatch)
    argv = ["simulate", str(path), "--layer", layer, "--multipliers", "4", "--json", "-q"]
    assert cli.main(argv) == 0
    record = json.loads(capsys.readouterr().out)
    network = two_layers()
    (design,) = seen
    images = np.random.default_rng(1).integers(0, 16, (4, 1, 6, 6))
    source = {"conv1": "image", "pool1": "conv1", "conv2": "pool1"}[layer]
    maps = network.compute(images, keep={source, layer})
    assert np.array_equal(design.frames, maps[source])
    assert list(design.expected) == [layer]
    assert np.array_equal(design.expected[layer], maps[layer])
    assert (record["layer"], record["frames"]) == (layer, 4)
    assert record["elements"] == maps[layer].size
    assert record["stalls"] == ["none/none", "random/slow"]


def test_a_design_keeps_its_fold(monkeypatch, capsys, path):
    pretend(monkeypatch)
    assert cli.main(["generate", str(path), "--multipliers", "4", "--json", "-q"]) == 0
    folding = json.loads(capsys.readouterr().out)["folding"]
    argv = ["simulate", str(path.parent / "two"), "--layer", "conv2", "--json", "-q"]
    assert cli.main(argv) == 0
    assert json.loads(capsys.readouterr().out)["fold"] == folding["conv2"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"interval": 1}, "two_conv1: interval must be"),
        ({"latency": 1}, "two_conv1: latency must be"),
        (
            {"mismatches": 3, "first_mismatch": Mismatch("conv1", 1, 0, 1, 1, 7, 8)},
            "two_conv1: 3 elements differ with stalls none/none, the first in conv1, frame 1",
        ),
    ],
)
def test_a_wrong_layer_is_exit_3(monkeypatch, capsys, path, changes, sentence):
    pretend(monkeypatch, **changes)
    assert cli.main(["simulate", str(path), "--layer", "conv1", "-q"]) == 3
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--layer", "image"], "--layer must be one of conv1, pool1, conv2, not 'image'"),
        (["--multipliers", "4"], "--multipliers must be given with --layer only"),
        (["--layer", "conv1", "--frames", "none.safetensors"], "none.safetensors"),
    ],
)
def test_wrong_options_are_exit_2(capsys, path, options, sentence):
    assert cli.main(["simulate", str(path), *options, "-q"]) == 2
    assert sentence in capsys.readouterr().err


def test_one_layer_is_of_one_network(capsys, path):
    assert cli.main(["simulate", str(path), str(path), "--layer", "conv1", "-q"]) == 2
    assert "--layer must be of one network, not 2" in capsys.readouterr().err


def test_a_budget_for_a_design_is_refused(capsys, path):
    assert cli.main(["generate", str(path), "--multipliers", "2", "-q"]) == 0
    argv = ["simulate", str(path.parent / "two"), "--layer", "conv1", "--multipliers", "4", "-q"]
    assert cli.main(argv) == 2
    assert "--multipliers must be given for a network file only" in capsys.readouterr().err


@pytest.mark.rtl
def test_a_layer_alone_computes_what_it_computes_in_the_network(capsys, path):
    argv = ["simulate", str(path), "--layer", "conv2", "--multipliers", "5", "-q"]
    assert cli.main(argv) == 0
    said = capsys.readouterr().out
    assert said.startswith("two: layer conv2: PASS, 4 frames, 48 integers bit for bit, ")
