import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pruning.weights import load_weights


def net() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def tensors() -> dict[str, torch.Tensor]:
    torch.manual_seed(5)
    state = {key: torch.randn_like(v.float()) for key, v in net().state_dict().items()}
    return {key: value for key, value in state.items() if "batches" not in key}


def write(path: Path, content: Any) -> Path:
    save_file(content, path) if path.suffix == ".safetensors" else torch.save(content, path)
    return path


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt", "a.pth"])
def test_every_kind_of_file(tmp_path: Path, name: str):
    module = net()
    load_weights(module, write(tmp_path / name, tensors()))
    state = module.state_dict()
    assert all(torch.equal(state[key], value) for key, value in tensors().items())


def test_what_training_scripts_save(tmp_path: Path):
    inner = {f"module.{key}": value for key, value in tensors().items()}
    content = {"epoch": 3, "best": 0.9, "state_dict": inner}
    module = net()
    load_weights(module, write(tmp_path / "a.pth", content))
    assert torch.equal(module.state_dict()["0.weight"], tensors()["0.weight"])


def renamed(old: str, new: str) -> dict[str, torch.Tensor]:
    return {new if key == old else key: value for key, value in tensors().items()}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (renamed("0.bias", "0.b"), "is missing '0.bias' and must not have '0.b'"),
        (
            {"1.weight": torch.ones(4)},
            "is missing '0.weight', '0.bias', '1.bias' and 2 more",
        ),
        (tensors() | {"0.bias": torch.ones(5)}, r"tensor '0.bias' must be \(4,\), not \(5,\)"),
        (
            tensors() | {"0.bias": torch.tensor([1, 2, torch.nan, 3])},
            "tensor '0.bias' must be finite real numbers",
        ),
        (
            tensors() | {"0.bias": torch.ones(4, dtype=torch.complex64)},
            "tensor '0.bias' must be finite real numbers",
        ),
    ],
)
@pytest.mark.parametrize("name", ["a.safetensors", "a.pt"])
def test_tensors_that_do_not_fit_change_nothing(
    tmp_path: Path, name: str, content: dict, sentence: str
):
    path, module = write(tmp_path / name, content), net()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(ValueError, match=f"^{path}: {sentence}$"):
        load_weights(module, path)
    assert all(torch.equal(v, before[key]) for key, v in module.state_dict().items())


class Code:
    def __reduce__(self) -> Any:
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (Code(), "not a file of tensors alone"),
        (nn.Conv2d(1, 1, 1), "not a file of tensors alone"),
        ([torch.ones(1)], "must hold tensors by name, not list"),
        ({}, "must hold tensors by name, not dict"),
        ({"0.weight": 3}, "'0.weight' must be a tensor, not int"),
    ],
)
def test_files_of_something_else(
    tmp_path: Path, content: Any, sentence: str, capsys: pytest.CaptureFixture
):
    path = tmp_path / "a.pt"
    torch.save(content, path)
    with pytest.raises(ValueError, match=f"^{path}: {sentence}"):
        load_weights(net(), path)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["a.safetensors", "a.pt"])
@pytest.mark.parametrize("kept", [0, 7, 100, 600])
def test_damaged_files_are_refused(tmp_path: Path, name: str, kept: int):
    path = write(tmp_path / name, tensors())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=f"^{path}: not a"):
        load_weights(net(), path)


def test_old_pickles_and_other_names_are_refused(tmp_path: Path):
    path = tmp_path / "a.pth"
    path.write_bytes(pickle.dumps(Code()))
    with pytest.raises(ValueError, match="not a file of tensors alone"):
        load_weights(net(), path)
    with pytest.raises(ValueError, match=r"must be .safetensors, .pt or .pth, not '.bin'$"):
        load_weights(net(), write(tmp_path / "a.bin", tensors()))
    with pytest.raises(FileNotFoundError):
        load_weights(net(), tmp_path / "none.pt")
