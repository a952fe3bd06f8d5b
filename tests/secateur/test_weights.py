import json
from dataclasses import replace
from pathlib import Path

import pytest

from hw.network import Network
from hw.weight_stream import weight_stream
from secateur import cli
from secateur.commands.generate import read_folding
from secateur.files import DesignFolder
from tests.hw.retrained import residual, retrained

NETWORK = residual().network


def generate(path: Path, folder: Path, *options: str) -> DesignFolder:
    argv = ["generate", str(path), "--multipliers", "8", "--out", str(folder), "-q", *options]
    assert cli.main(argv) == 0
    return DesignFolder(folder)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    NETWORK.save(tmp_path / "net.network.safetensors")
    retrained(NETWORK).save(tmp_path / "again.network.safetensors")
    return tmp_path / "net.network.safetensors"


def test_another_network_becomes_the_bytes_of_a_load(path: Path, capsys, monkeypatch) -> None:
    design = generate(path, path.with_name("design"), "--loadable")
    top = json.loads(design.top.read_text())
    capsys.readouterr()
    monkeypatch.chdir(path.parent)
    argv = ["weights", "again.network.safetensors", "--for", "design", "--json", "-q"]
    assert cli.main(argv) == 0
    found = json.loads(capsys.readouterr().out)
    words = Path("again.weights").read_bytes()
    assert words == weight_stream(retrained(NETWORK), NETWORK, read_folding(design))
    assert found == {
        "schema": "secateur.weights/1",
        "file": "again.weights",
        "bytes": len(words),
        "scales": {name: NETWORK.formats[name].scale for name in NETWORK.outputs},
    }
    assert top["weights"] == {"stream": "s_axis_weights", "bytes": len(words)}
    assert cli.main(argv) == 2
    assert "again.weights is there already" in capsys.readouterr().out


def test_a_design_that_cannot_be_loaded_is_named(path: Path, capsys) -> None:
    design = generate(path, path.with_name("design"))
    assert "s_axis_weights" not in design.verilog.read_text()
    assert cli.main(["weights", str(path), "--for", str(design.path), "-q"]) == 2
    assert f"{design.path} must be a design that can be loaded" in capsys.readouterr().err
    assert not list(path.parent.glob("*.weights"))


def test_another_structure_writes_nothing(path: Path, capsys) -> None:
    design = generate(path, path.with_name("design"), "--loadable")
    x, *layers = NETWORK.layers
    other = Network("net", (replace(x, offset=(1, 2, 3)), *layers), NETWORK.outputs)
    other.save(path.with_name("other.safetensors"))
    argv = ["weights", str(path.with_name("other.safetensors")), "--for", str(design.path), "-q"]
    assert cli.main(argv) == 2
    sentence = "layer 'x': offset must be () as in the design, not (1, 2, 3)"
    assert sentence in capsys.readouterr().err
    assert not list(path.parent.glob("*.weights"))


def test_memories_larger_than_asked_for_are_files(path: Path, capsys) -> None:
    whole, apart = (
        generate(path, path.with_name(name), "--mem-files", words)
        for name, words in (("whole", "1024"), ("apart", "20"))
    )
    assert json.loads(whole.top.read_text())["files"] == ["top.v"]
    files = json.loads(apart.top.read_text())["files"]
    assert "apart.layer_a.weights_0.mem" in files
    assert {path.name for path in apart.path.glob("*.mem")} == {*files[1:]}
    capsys.readouterr()
    argv = ["generate", str(path), "--multipliers", "8", "--mem-files", "-1", "-q"]
    assert cli.main([*argv, "--out", str(path.with_name("no"))]) == 2
    assert "--mem-files must be at least 0, not -1" in capsys.readouterr().err
