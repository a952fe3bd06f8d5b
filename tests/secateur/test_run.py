"""The whole path on a very small network, step by step through its files."""

import json

import numpy as np
import pytest

from hw.network import Network
from reports import ledger
from secateur import cli
from secateur.commands.report import draw_pruning
from secateur.files import Folder, load_frames
from secateur.training_log import read_rows

RUN = """
name = "tiny"
seed = 3
[model]
widths = [2, 8]
pools = [1, 2]
[train]
epochs = 4
[prune]
settings = { candidates = 3 }
epochs = 3
[hardware]
multipliers = 4
[simulate]
frames = 50
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "run.toml").write_text(RUN, encoding="utf-8")
    assert cli.main(["train", str(folder / "run.toml"), "--out", str(folder / "out"), "-q"]) == 0
    assert cli.main(["prune", str(folder / "run.toml"), "--out", str(folder / "out"), "-q"]) == 0
    return folder / "out"


def test_training_is_the_same_every_time(out, tmp_path, capsys):
    run = str(out.parent / "run.toml")
    assert cli.main(["train", run, "--out", str(tmp_path / "a"), "--json", "-q"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["test"]["images"], record["frames"]["images"]) == (450, 50)
    for name in ("dense.checkpoint", "dense.network.safetensors", "frames.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (out / name).read_bytes()
    assert cli.main(["train", run, "--out", str(tmp_path / "b"), "--seed", "4", "-q"]) == 0
    assert (tmp_path / "b" / name).read_bytes() == (out / name).read_bytes()  # split stays
    other = (tmp_path / "b" / "dense.checkpoint").read_bytes()
    assert other != (out / "dense.checkpoint").read_bytes()


def test_pruned_network_is_smaller_and_its_files_agree(out):
    dense, pruned = (
        Network.load(out / f"{name}.network.safetensors") for name in ("dense", "pruned")
    )
    assert pruned.macs <= dense.macs / 2
    images, labels = load_frames(out / "frames.safetensors")
    (logits,) = pruned.compute(images).values()
    right = float(np.mean(logits.reshape(50, 10).argmax(1) == labels))
    record = json.loads((out / "pruned.accuracy.json").read_text(encoding="utf-8"))
    assert record["frames"]["integer"] == right
    assert record["macs"] == pruned.macs


def test_training_is_logged_and_what_pruning_did_is_drawn(out):
    for name, step, epochs in (("dense", 0, 4), ("pruned", 1, 3)):
        rows = read_rows(Folder(out).training_log(name))
        assert [row[:2] for row in rows] == [(step, epoch + 1) for epoch in range(epochs)]
    record = json.loads((out / "pruned.accuracy.json").read_text(encoding="utf-8"))
    pictures = draw_pruning(Folder(out), record["prune"])
    assert set(pictures) == {"masks", "training", "candidates"}
    assert "feature map removed" in pictures["masks"]
    assert set(draw_pruning(Folder(out), None)) == {"masks", "training"}


def test_generated_folder_is_complete_and_reproducible(out, tmp_path, capsys):
    network = str(out / "pruned.network.safetensors")
    for name in ("a", "b"):
        argv = ["generate", network, "--multipliers", "5", "--out", str(tmp_path / name / "pruned")]
        assert cli.main([*argv, "--json", "-q"]) == 0
        made = json.loads(capsys.readouterr().out)
    assert made["multipliers"] <= 5
    files = {"top.v", "top.json", "network.safetensors", "folding.json"}
    assert {path.name for path in (tmp_path / "a" / "pruned").iterdir()} == files
    for name in files:
        first, second = (tmp_path / which / "pruned" / name for which in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
    top = json.loads((tmp_path / "a" / "pruned" / "top.json").read_text(encoding="utf-8"))
    assert (top["top"], top["cycles"]["interval"]) == ("pruned", made["interval"])


@pytest.mark.rtl
def test_run_does_all_of_it(out, tmp_path, capsys):
    run = str(out.parent / "run.toml")
    assert cli.main(["run", run, "--out", str(tmp_path / "all"), "--json", "-q"]) == 0
    printed = json.loads(capsys.readouterr().out)
    report = ledger.load(tmp_path / "all" / "report.json")
    assert {key: printed[key] for key in report} == report
    pictures = ("report.svg", "report.masks.svg", "report.training.svg", "report.candidates.svg")
    assert all((tmp_path / "all" / name).is_file() for name in pictures)
    for name in ledger.DESIGNS:
        design = report[name]
        assert design["cycles"]["simulated"] == design["cycles"]["predicted"]
        assert (design["frames"], design["mismatches"]) == (50, 0)
        assert design["accuracy"]["rtl"] == design["accuracy"]["integer"]
        assert design["dsp_cells"] >= design["multipliers"] > 0
        for layer in design["layers"]:
            assert layer["cycles"]["simulated"] == layer["cycles"]["predicted"]
    assert report["dense"]["multipliers"] <= report["pruned"]["multipliers"]
    slower = report["dense_same_rate"]["cycles"]["simulated"]
    assert slower <= report["pruned"]["cycles"]["simulated"]
    assert cli.main(["run", run, "--out", str(tmp_path / "all"), "-q"]) == 2
    assert "--force writes over it" in capsys.readouterr().err
