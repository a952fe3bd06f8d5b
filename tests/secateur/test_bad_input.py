"""Bad input to every step: exit 2, one line that names the file, and nothing written."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from hw.layers import Conv, Input
from hw.network import Network
from secateur import cli


@pytest.fixture
def network_file(tmp_path):
    rng = np.random.default_rng(0)
    conv = Conv(
        "conv1", "image", rng.integers(-8, 8, (2, 1, 3, 3)), np.zeros(2, int), padding=(1, 1, 1, 1)
    )
    path = tmp_path / "tiny.network.safetensors"
    Network("tiny", (Input("image", (1, 4, 4), bits=4), conv)).save(path)
    return path


def run_file(folder, text):
    path = folder / "run.toml"
    path.write_text(f'name = "bad"\n{text}', encoding="utf-8")
    return path


def refuse(capsys, tmp_path, argv, *words):
    """Run a command that must fail with exit 2, one line and no new file."""
    before = sorted(tmp_path.rglob("*"))
    assert cli.main([str(item) for item in argv]) == 2
    err = capsys.readouterr().err
    last = err.splitlines()[-1]
    assert last.startswith("secateur: ")
    assert "Traceback" not in err
    for word in words:
        assert word in last
    assert sorted(tmp_path.rglob("*")) == before


def test_missing_data_folder(capsys, tmp_path):
    path = run_file(tmp_path, '[data]\nname = "mnist"\nfolder = "nowhere"\n')
    refuse(capsys, tmp_path, ["run", path, "--out", tmp_path / "out"], "nowhere")


def test_data_folder_not_named(capsys, tmp_path):
    path = run_file(tmp_path, '[data]\nname = "cifar10"\n')
    refuse(capsys, tmp_path, ["train", path, "--out", tmp_path / "out"], "folder")


def test_wrong_md5(capsys, tmp_path):
    for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{part}-ubyte").write_bytes(b"\0\0\x08\x03" + bytes(100))
    path = run_file(tmp_path, '[data]\nname = "mnist"\nfolder = "."\n')
    refuse(capsys, tmp_path, ["run", path, "--out", tmp_path / "out"], "ubyte", "md5")


def test_unknown_key(capsys, tmp_path):
    path = run_file(tmp_path, "[prune]\nbudgte = 3\n")
    words = ("run.toml:3", "did you mean 'budget'?")
    refuse(capsys, tmp_path, ["run", path, "--out", tmp_path / "out"], *words)


def test_budget_of_no_multiplier(capsys, tmp_path):
    path = run_file(tmp_path, "[hardware]\nmultipliers = 0\n")
    words = ("run.toml:3", "hardware.multipliers must be 1 to 65536, not 0")
    refuse(capsys, tmp_path, ["run", path, "--out", tmp_path / "out"], *words)


def test_budget_too_small_is_exit_4(capsys, tmp_path):
    kernels, zeros, ones = np.ones((2, 2, 3, 3), int), np.zeros(2, int), np.ones(2, int)
    first = Conv("conv1", "image", kernels[:, :1], zeros, ones, ones)
    second = Conv("conv2", "conv1", kernels, zeros)
    path = tmp_path / "two.network.safetensors"
    Network("two", (Input("image", (1, 8, 8), bits=4), first, second)).save(path)
    assert cli.main(["generate", str(path), "--multipliers", "1"]) == 4
    assert "network 'two' needs at least 2 multipliers" in capsys.readouterr().err
    assert not (tmp_path / "two").exists()


def test_corrupt_network_file(capsys, tmp_path):
    path = tmp_path / "bad.network.safetensors"
    path.write_bytes(bytes(range(256)) * 4)
    words = ("bad.network.safetensors: not a network file",)
    refuse(capsys, tmp_path, ["generate", path, "--multipliers", "4"], *words)


@pytest.mark.parametrize("keep", [0, 7, 0.5, 0.99])
def test_truncated_network_file(capsys, tmp_path, network_file, keep):
    data = network_file.read_bytes()
    network_file.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    words = (network_file.name, "not a network file")
    refuse(capsys, tmp_path, ["generate", network_file, "--multipliers", "4"], *words)


def test_network_file_with_weights_that_are_not_finite(capsys, tmp_path, network_file):
    from safetensors import safe_open

    tensors = load_file(network_file)
    with safe_open(network_file, framework="numpy") as file:
        metadata = file.metadata()
    tensors["conv1.weight"] = np.full((2, 1, 3, 3), np.nan)
    save_file(tensors, network_file, metadata)
    words = (network_file.name, "'conv1'", "weight must be integers")
    refuse(capsys, tmp_path, ["generate", network_file, "--multipliers", "4"], *words)


def test_results_are_not_written_over(capsys, tmp_path, network_file):
    (tmp_path / "tiny").mkdir()
    words = ("tiny is there already; --force writes over it",)
    refuse(capsys, tmp_path, ["generate", network_file, "--multipliers", "4"], *words)


def test_checkpoint_with_nan_weights(capsys, tmp_path):
    torch = pytest.importorskip("torch")
    from pruning import zoo
    from pruning.checkpoint import save_model
    from pruning.data import Pixels
    from pruning.models import model_of

    module = zoo.build("chain", widths=(2, 2, 2))
    model = model_of(module, Pixels((1, 8, 8), 5, (1.0,), ()))
    path = run_file(tmp_path, "")
    out = tmp_path / "out"
    out.mkdir()
    save_model(model, out / "dense.checkpoint")
    tensors = load_file(out / "dense.checkpoint")
    raw = (out / "dense.checkpoint").read_bytes()
    weight = next(value for key, value in tensors.items() if "conv1" in key)
    at = raw.index(weight.tobytes())
    nan = torch.full((1,), float("nan")).numpy().tobytes()
    (out / "dense.checkpoint").write_bytes(raw[:at] + nan + raw[at + 4 :])
    words = ("dense.checkpoint", "conv1", "finite")
    refuse(capsys, tmp_path, ["prune", path, "--out", out], *words)


def test_a_model_that_hardware_cannot_be_is_refused_before_it_is_trained(capsys, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "unbuildable.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.linear = torch.nn.Linear(65, 10)\n"
        "    def forward(self, x):\n"
        "        return self.linear(torch.cat((x.flatten(1), x.mean((2, 3))), 1))\n"
    )
    path = run_file(tmp_path, '[model]\nname = "unbuildable:Net"\n[train]\nepochs = 10000\n')
    words = ("layer 'cat' must join maps of one size",)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        patch.setattr("sys.dont_write_bytecode", True)
        refuse(capsys, tmp_path, ["train", path, "--out", tmp_path / "out"], *words)


def test_prune_before_train(capsys, tmp_path):
    path = run_file(tmp_path, "")
    words = ("dense.checkpoint is missing; secateur train makes it",)
    refuse(capsys, tmp_path, ["prune", path, "--out", tmp_path / "out"], *words)
