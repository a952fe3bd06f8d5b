"""What `secateur simulate` makes of a simulation's results."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from hw.layers import Conv, Input
from hw.network import Network
from secateur import cli
from secateur.files import save_frames
from sim.records import Mismatch, Result
from sim.stalls import Stalls

FREE = Stalls()


@pytest.fixture
def folder(tmp_path, capsys):
    conv = Conv("conv1", "image", np.ones((2, 1, 3, 3), int), np.zeros(2, int))
    Network("tiny", (Input("image", (1, 4, 4), bits=4), conv)).save(tmp_path / "tiny.safetensors")
    argv = ["generate", str(tmp_path / "tiny.safetensors"), "--multipliers", "2", "-q"]
    assert cli.main(argv) == 0
    capsys.readouterr()
    return tmp_path / "tiny"


def pretend(monkeypatch, **changes):
    """Let the simulator answer as predicted, but for some changes to the whole design's results."""

    def simulate(designs, build_dir, *, stalls=(FREE,), **options):
        results = []
        for case in stalls:
            for design in designs:
                top = json.loads((design.folder / "top.json").read_text(encoding="utf-8"))
                cycles = top["cycles"]
                fields = {
                    "name": design.name,
                    "stalls": case,
                    "frames": len(design.frames),
                    "outputs": design.expected,
                    "mismatches": 0,
                    "first_mismatch": None,
                    "interval": cycles["interval"] if case == FREE else None,
                    "latency": cycles["latency"],
                    "protocol_errors": (),
                }
                results.append(
                    SimpleNamespace(**fields | (changes if design.name == "tiny" else {}))
                )
        return results

    assert {"mismatches", "first_mismatch", "protocol_errors"} <= set(Result.__dataclass_fields__)
    monkeypatch.setattr("sim.runner.simulate", simulate)


def test_a_right_simulation_passes(monkeypatch, capsys, folder):
    pretend(monkeypatch)
    assert cli.main(["simulate", str(folder), "--random", "5", "-q"]) == 0
    assert capsys.readouterr().out.startswith("tiny: PASS, 5 frames bit for bit, ")
    record = json.loads((folder / "simulation.json").read_text(encoding="utf-8"))
    assert record["stalls"] == ["none/none", "random/slow"]
    assert record["accuracy"] is None
    layer = record["layers"]["conv1"]
    assert layer["predicted"] == layer["simulated"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"interval": 9999}, "interval must be 36 cycles as predicted, not 9999"),
        ({"interval": None}, "interval must be 36 cycles as predicted, not None"),
        ({"latency": 1}, "cycles as predicted, not 1"),
        ({"protocol_errors": ("tdata must hold",)}, "tdata must hold (stalls none/none)"),
        (
            {"mismatches": 3, "first_mismatch": Mismatch("conv1", 1, 0, 1, 1, 7, 8)},
            "the first in conv1, frame 1, channel 0, row 1, column 1: 8, not 7",
        ),
    ],
)
def test_a_wrong_simulation_is_exit_3(monkeypatch, capsys, folder, changes, sentence):
    pretend(monkeypatch, **changes)
    assert cli.main(["simulate", str(folder), "--random", "5", "-q"]) == 3
    err = capsys.readouterr().err
    assert err.startswith("secateur: tiny: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_frames_come_from_beside_the_folder(capsys, folder):
    assert cli.main(["simulate", str(folder), "-q"]) == 2
    assert "frames.safetensors" in capsys.readouterr().err


def two_outputs(path):
    ones = np.ones(2, int)
    first = Conv("map", "image", np.ones((2, 1, 3, 3), int), 0 * ones, ones, 3 * ones)
    logits = Conv("logits", "map", np.ones((3, 2, 2, 2), int), np.arange(3))
    picture = Input("image", (1, 4, 4), bits=4)
    network = Network("tiny", (picture, first, logits), ("logits", "map"))
    network.save(path / "tiny.safetensors")
    return network


def test_all_outputs_are_expected_and_the_first_one_classifies(monkeypatch, capsys, tmp_path):
    network = two_outputs(tmp_path)
    images = np.random.default_rng(1).integers(0, 16, (4, 1, 4, 4))
    wanted = network.compute(images)
    save_frames(tmp_path / "frames.safetensors", images, np.array([2, 2, 0, 2]))
    assert cli.main(["generate", str(tmp_path / "tiny.safetensors"), "--multipliers", "2"]) == 0
    capsys.readouterr()
    pretend(monkeypatch, outputs={"logits": 0 * wanted["logits"], "map": wanted["map"]})
    argv = ["simulate", str(tmp_path / "tiny"), "--stalls", "none/slow,none", "--json", "-q"]
    assert cli.main(argv) == 0
    (record,) = json.loads(capsys.readouterr().out)["designs"]
    assert record["stalls"] == ["none/none", "none/slow,none"]
    assert record["accuracy"] == {"integer": 0.75, "rtl": 0.25}


@pytest.mark.parametrize("stalls", ["none", "none/odd", "none/slow,odd", "none/slow/none"])
def test_stalls_that_are_not_known_are_exit_2(capsys, folder, stalls):
    assert cli.main(["simulate", str(folder), "--random", "5", "--stalls", stalls, "-q"]) == 2
    assert f"with a /, not {stalls!r}" in capsys.readouterr().err


def test_cells_of_a_design_are_simulated_in_its_place(monkeypatch, capsys, folder):
    pretend(monkeypatch)
    argv = ["simulate", str(folder), "--random", "3", "--netlist", "ecp5", "-q"]
    assert cli.main(argv) == 0
    assert not (folder / "simulation.json").exists()
    made = folder / "netlist-ecp5"
    record = json.loads((made / "simulation.json").read_text(encoding="utf-8"))
    assert record["layers"] == {}
    assert "TRELLIS_FF" in (made / "top.v").read_text(encoding="utf-8")
    assert (made / "top.json").read_bytes() == (folder / "top.json").read_bytes()


def test_cells_are_of_whole_designs(capsys, folder):
    argv = ["simulate", str(folder), "--random", "3", "--layer", "conv1", "--netlist", "ecp5"]
    assert cli.main([*argv, "-q"]) == 2
    assert (
        capsys.readouterr().err == "secateur: --netlist must be of whole designs, not a --layer\n"
    )
