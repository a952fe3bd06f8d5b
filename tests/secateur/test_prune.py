"""`secateur prune` as a user has it: good and bad requests, files, and kills."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hw.layers import Conv
from hw.network import Network
from secateur import cli

ROOT = Path(__file__).parents[2]
RUN = """
name = "tiny"
seed = 3
[model]
widths = [4, 6, 8]
pools = [1, 3]
[train]
epochs = {epochs}
[prune]
epochs = {epochs}
steps = {steps}
[simulate]
frames = 50
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    """Folder of a run whose dense model is trained; `run.toml` is in it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "run.toml").write_text(RUN.format(epochs=2, steps=1))
    assert cli.main(["train", str(folder / "run.toml"), "--out", str(folder), "-q"]) == 0
    return folder


@pytest.fixture
def out(trained: Path, tmp_path: Path) -> Path:
    """Copy of that folder, to prune in."""
    return Path(shutil.copytree(trained, tmp_path / "out"))


def prune(out: Path, *arguments: str) -> int:
    return cli.main(["prune", str(out / "run.toml"), "--out", str(out), "-q", *arguments])


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


PARTICLES = ["--setting", "particles=6", "--setting", "generations=2"]
CYCLES = ["--budget", "cycles=0.7 with multipliers=16", "--allocation", "sensitivity"]
GOOD = {
    "kernel": ["--selector", "particle-filter", "--granularity", "kernel", *PARTICLES],
    "intra-kernel": ["--selector", "l1", "--granularity", "intra-kernel", *CYCLES],
}


@pytest.mark.parametrize("granularity", GOOD)
def test_pruned_as_asked(out: Path, capsys, granularity: str) -> None:
    before = files(out)
    assert prune(out, *GOOD[granularity], "--json") == 0
    record = json.loads(capsys.readouterr().out)
    pruned = record["prune"]
    asked = dict(zip(GOOD[granularity][::2], GOOD[granularity][1::2], strict=True))
    assert pruned["granularity"] == granularity
    assert pruned["selector"] == asked["--selector"]
    assert pruned["budget"] == asked.get("--budget", "macs=0.5")
    assert pruned["allocation"] == asked.get("--allocation", "uniform")
    part = 0.7 if "--budget" in asked else 0.5
    assert 0 < pruned["price"]["after"] <= part * pruned["price"]["before"]
    if granularity == "kernel":
        settings = {key: pruned["settings"][key] for key in ("particles", "generations")}
        assert settings == {"particles": 6, "generations": 2}
    network = Network.load(record["network"])
    assert record["macs"] == network.macs == pruned["macs"]["after"]
    layers = {layer.name: layer for layer in network.layers if isinstance(layer, Conv)}
    for name in ("conv2", "conv3"):
        assert layers[name].granularity == granularity
        per_kernel = layers[name].survivors.sum((2, 3))
        if granularity == "kernel":
            assert set(np.unique(per_kernel)) == {0, 9}
            assert (per_kernel > 0).sum() == pruned["kept"][name]
        else:
            assert set(np.unique(per_kernel)) <= {2, 3, 4, 5, 9}  # every n-th place, n up to 4
    new = {"pruned.checkpoint", "pruned.network.safetensors", "pruned.accuracy.json"}
    new |= {"pruned.training.csv"}
    assert files(out).keys() == before.keys() | new


BAD = [
    (["--selector", "bn-scale", "--granularity", "kernel"], ["must be feature-map for bn-scale"]),
    (
        ["--granularity", "intra-kernel", "--budget", "macs=0.05"],
        ["must be at least", "the least that intra-kernel pruning leaves, not 650"],
    ),
    (["--budget", "cycles=9 with multipliers=16"], ["must be at least", "feature-map", "not 9"]),
    (["--selector", "nobody"], ["selector must be one of", "taylor", "not 'nobody'"]),
    (["--granularity", "pixel"], ["granularity must be one of", "intra-kernel", "not 'pixel'"]),
    (["--allocation", "fair"], ["allocation must be one of uniform, sensitivity, not 'fair'"]),
    (["--selector", "l1", "--setting", "particles=3"], ["setting of l1 must be none"]),
    (
        ["--setting", "colour=3"],
        ["of random-masks must be one of candidates, all_scores, not 'colour'"],
    ),
    (["--setting", "candidates=many"], ["candidates of random-masks must be like", "not 'many'"]),
    (["--setting", "candidates"], ["--setting must be KEY=VALUE, not 'candidates'"]),
    (["--budget", "money=0.5"], ["budget must be of macs, parameters, cycles", "not 'money'"]),
    (["--budget", "half"], ["budget must be KIND=NUMBER", "such as macs=0.5", "not 'half'"]),
    (["--budget", "cycles=0.5"], ["cycles must be asked with multipliers=N, or on a part"]),
    (["--budget", "luts=0.4 on moon"], ["part must be one of", "ecp5-25k", "not 'moon'"]),
]


@pytest.mark.parametrize(("arguments", "words"), BAD)
def test_what_cannot_be_had_is_said_and_leaves_nothing(
    trained: Path, capsys, arguments: list[str], words: list[str]
) -> None:
    before = files(trained)
    assert prune(trained, *arguments) == 2
    assert_one_line(capsys.readouterr(), words)
    assert files(trained) == before
    assert sorted(p.name for p in trained.iterdir()) == sorted(before)  # no empty folder


def test_grids_do_not_nest(out: Path, capsys) -> None:
    (out / "run.toml").write_text(RUN.format(epochs=2, steps=2))
    before = files(out)
    assert prune(out, "--granularity", "intra-kernel") == 2
    assert_one_line(capsys.readouterr(), ["steps must be 1 for intra-kernel", "not 2"])
    assert files(out) == before


def assert_one_line(printed, words: list[str]) -> None:
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("secateur: ")
    for word in words:
        assert word in printed.err


def killed(folder: Path, command: str, state: str, *more: str) -> None:
    """Run a command and kill it, without warning, once a file is there; it must not be done."""
    arguments = ["run.toml", "--out", str(folder), "-q", *more]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, "-m", "secateur", command, *arguments]
    with subprocess.Popen(line, cwd=folder, env=environment) as process:
        limit = time.monotonic() + 120
        while not (folder / state).exists() and process.poll() is None:
            assert time.monotonic() < limit
            time.sleep(0.005)
        process.kill()
    assert process.returncode == -signal.SIGKILL


LONG = RUN.format(epochs=20, steps=2)


def test_a_killed_training_ends_as_one_that_was_not(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.toml").write_text(LONG)
    one, other = tmp_path / "one", tmp_path / "other"
    killed(other, "train", "dense.training.safetensors")
    assert not (other / "dense.checkpoint").exists()
    for folder in (one, other):
        assert cli.main(["train", str(folder / "run.toml"), "--out", str(folder), "-q"]) == 0
    assert_equal(one, other, "dense")


@pytest.mark.parametrize("state", ["step-1.training", "step-2.pruned"])
def test_a_killed_pruning_ends_as_one_that_was_not(out: Path, tmp_path: Path, state: str) -> None:
    (out / "run.toml").write_text(LONG)
    other = Path(shutil.copytree(out, tmp_path / "other"))
    more = ["--granularity", "kernel", "--setting", "candidates=3"]
    killed(other, "prune", f"prune.steps/{state}.safetensors", *more)
    assert not (other / "pruned.checkpoint").exists()
    for folder in (out, other):
        assert prune(folder, *more) == 0
    assert_equal(out, other, "pruned")


def test_a_killed_pruning_does_not_go_on_with_other_arguments(out: Path, capsys) -> None:
    (out / "run.toml").write_text(LONG)
    killed(out, "prune", "prune.steps/step-1.training.safetensors", "--selector", "l1")
    before = files(out)
    assert prune(out, "--selector", "fpgm") == 2
    assert_one_line(capsys.readouterr(), ["prune.steps: selector must be 'L1', not 'Fpgm'"])
    assert files(out) == before
    (out / "run.toml").write_text(RUN.format(epochs=2, steps=1))
    assert prune(out, "--selector", "fpgm", "--force") == 0
    assert not (out / "prune.steps").exists()


def assert_equal(one: Path, other: Path, name: str) -> None:
    """Every file of two runs has the same bytes, but for the folder's name in a record."""
    found, expected = files(one), files(other)
    assert found.keys() == expected.keys()
    assert f"{name}.checkpoint" in found
    for path, data in found.items():
        assert data.replace(bytes(one), b"") == expected[path].replace(bytes(other), b""), path
