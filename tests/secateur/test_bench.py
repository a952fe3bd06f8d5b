import dataclasses
import json

import pytest

from hw.fold import Fold
from secateur import cli
from secateur.bench import area, families, layers, networks, page
from secateur.bench.cases import network
from sim.records import Result
from sim.stalls import Stalls

L1 = ["bench", "layers", "--layer", "L1", "--variant", "channels", "--budget", "36", "-q"]


def pretend(monkeypatch, room=layers, **changes):
    """Let the simulator answer as predicted, but for some changes."""

    def simulate(designs, build):
        results = []
        for design in designs:
            top = json.loads((design.folder / "top.json").read_text(encoding="utf-8"))
            result = Result(
                name=design.name,
                stalls=Stalls(),
                frames=len(design.frames),
                outputs=design.expected,
                mismatches=0,
                first_mismatch=None,
                interval=top["cycles"]["interval"],
                intervals=(),
                latency=top["cycles"]["latency"],
                cycles=0,
                protocol_errors=(),
            )
            results.append(dataclasses.replace(result, **changes))
        return results

    monkeypatch.setattr(room, "simulate", simulate)


def test_rows_are_one_list(monkeypatch, tmp_path, capsys):
    pretend(monkeypatch)
    path = tmp_path / "page.md"
    path.write_text("\n".join(page.marks("layers")), encoding="utf-8")
    argv = [*L1, "--no-synth", "--json", "--out", str(tmp_path), "--docs", str(path)]
    assert cli.main(argv) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["layer"], row["variant"], row["budget"]) == ("L1", "channels", 36)
    assert row["cycles"]["simulated"] == row["cycles"]["predicted"]
    assert row["macs"] == network("L1", "channels").macs
    assert row["lut4_equivalent"] is None
    assert "| L1 channels 36 |" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"mismatches": 2}, "L1 channels at 36: 2 elements differ"),
        ({"interval": None}, "L1 channels at 36: cycles must be 1764 as predicted, not None"),
    ],
)
def test_wrong_hardware_is_exit_3(monkeypatch, tmp_path, capsys, changes, sentence):
    pretend(monkeypatch, **changes)
    assert cli.main([*L1, "--no-synth", "--out", str(tmp_path)]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"secateur: {sentence}\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--layer", "L9"], "--layer must be one of L1, L2, L3, L4, L5, L6, not 'L9'"),
        (["--variant", "half"], "--variant must be one of dense, channels"),
        (["--budget", "0"], "--budget must be at least 1, not 0"),
        (["--no-synth", "--fmax"], "--fmax must not be given with --no-synth"),
        (["--no-synth", "--seeds", "3"], "--seeds must not be given with --no-synth"),
        (["--seeds", "0"], "--seeds must be at least 1, not 0"),
        (["--scales", "half"], "--scales must be one of multiplier, shift, not 'half'"),
        (["--cells", "x"], "--cells must be one of portable"),
        (["--weights", "w"], "--weights must not be given with layers"),
        (["--docs", "nowhere.md"], "--docs must be a page that is there, not 'nowhere.md'"),
    ],
)
def test_wrong_options_are_exit_2(capsys, options, sentence):
    assert cli.main(["bench", "layers", *options]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--variant", "third"], 2, "--variant must be one of dense, half, not 'third'"),
        (["--layer", "L1"], 2, "--layer must not be given with networks"),
        (["--scales", "shift"], 2, "--scales must not be given with networks"),
        (["--no-synth"], 2, "--no-synth must not be given with networks"),
        (["--weights", "nowhere"], 2, "nowhere"),
        (["--budget", "-1"], 2, "--budget must be at least 1, not -1"),
    ],
)
def test_wrong_options_of_networks(capsys, options, code, sentence):
    assert cli.main(["bench", "networks", *options]) == code
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("what", ["area", "families"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--layer", "L9"], "--layer must be one of L1, L2, L3, L4, L5, L6, not 'L9'"),
        (["--layer", "L1", "--layer", "L2"], "--layer must be given once with {what}, not 2 times"),
        (["--scales", "half"], "--scales must be one of multiplier, shift, not 'half'"),
        (["--fold", "8,4"], "--fold must be P,G,R, not '8,4'"),
        (["--fold", "8,4,1.5"], "--fold must be P,G,R, not '8,4,1.5'"),
        (["--fold", "0,4,1"], "layer 'L4': P must be 1 to 32, not 0"),
        (["--budget", "0"], "--budget must be at least 1, not 0"),
        (["--budget", "8", "--budget", "9"], "--budget must be one number"),
        (["--budget", "8", "--fold", "8,1,1"], "must not be given with --fold"),
        (["--cells", "ecp5"], "--cells must not be given with {what}"),
    ],
)
def test_wrong_options_of_one_layer(capsys, tmp_path, what, options, sentence):
    assert cli.main(["bench", what, *options, "--out", str(tmp_path)]) == 2
    assert sentence.format(what=what) in capsys.readouterr().err


def test_scales_are_one_for_area_and_all_for_families(monkeypatch, tmp_path, capsys):
    asked = {}

    def measure(networks, folding, folder, note, seeds=()):
        asked.update(networks=networks, folding=folding)
        return []

    for room in (area, families):
        monkeypatch.setattr(room, "measure", measure)
    both, out = ["--scales", "shift", "--scales", "multiplier"], ["--out", str(tmp_path), "--json"]
    assert cli.main(["bench", "area", *both, *out]) == 2
    assert "--scales must be given once with area, not 2 times" in capsys.readouterr().err
    assert cli.main(["bench", "area", *out]) == 0
    assert asked["networks"].layers[1].multiplier.max() == 1
    assert cli.main(["bench", "families", *both, *out]) == 0
    assert list(asked["networks"]) == ["shift", "multiplier"]
    assert asked["folding"] == {"picture": Fold(1), "L4": Fold(8, 4)}
    assert cli.main(["bench", "families", "--layer", "L1", "--budget", "8", *out]) == 0
    assert asked["folding"]["L1"].multipliers == 8


def test_networks_are_told_or_refused(monkeypatch, tmp_path, capsys):
    pretend(monkeypatch, networks)
    page_path = tmp_path / "page.md"
    page_path.write_text("\n".join(page.marks("networks")), encoding="utf-8")
    argv = ["bench", "networks", "--variant", "half", "--out", str(tmp_path), "-q"]
    assert cli.main([*argv, "--json", "--docs", str(page_path)]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["macs"] == 3_236_160
    assert row["multipliers"] <= row["budget"] == 210
    assert row["macs"] <= row["product"] <= 3_600_000
    assert f"{row['product']:,}" in page_path.read_text(encoding="utf-8")
    pretend(monkeypatch, networks, mismatches=3)
    assert cli.main(argv) == 3
    assert "resnet8 half at 210: 3 elements differ" in capsys.readouterr().err


@pytest.mark.rtl
def test_a_layer_takes_the_cycles_that_are_predicted(tmp_path, capsys):
    assert cli.main([*L1, "--no-synth", "--json", "--out", str(tmp_path)]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["cycles"] == {"predicted": 1764, "simulated": 1764}
    assert (row["mismatches"], row["frames"], row["utilisation"]) == (0, 4, 1.0)
