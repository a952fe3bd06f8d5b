import json
from pathlib import Path

import numpy as np
import pytest

from secateur import cli
from tests.hw.drawn import frames_of, seeded
from tests.hw.onnx.runs import results

NETWORK = seeded("identity", 3).network


@pytest.fixture
def path(tmp_path: Path) -> Path:
    NETWORK.save(tmp_path / "net.network.safetensors")
    return tmp_path / "net.network.safetensors"


def test_onnxruntime_computes_the_same_integers(path: Path, capsys) -> None:
    assert cli.main(["export", str(path), "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["file"] == str(path.with_name("net.onnx"))
    assert found["outputs"] == list(NETWORK.outputs)
    frames = frames_of(NETWORK, 4, 1)
    expected = NETWORK.compute(frames)
    for name, value in results(path.with_name("net.onnx"), frames).items():
        np.testing.assert_array_equal(value, expected[name])


def test_what_is_there_is_not_written_over(path: Path, capsys) -> None:
    path.with_name("net.onnx").write_text("mine", encoding="utf-8")
    assert cli.main(["export", str(path), "-q"]) == 2
    assert "net.onnx is there already" in capsys.readouterr().err
    assert path.with_name("net.onnx").read_text(encoding="utf-8") == "mine"


def test_a_damaged_model_is_named(tmp_path: Path, capsys) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    assert cli.main(["import", str(tmp_path / "bad.onnx"), "-q"]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"secateur: {tmp_path / 'bad.onnx'}: ")
    assert not list(tmp_path.glob("*.safetensors"))
