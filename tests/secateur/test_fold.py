import json

import numpy as np
import pytest

from hw.area import predict_area
from hw.cost import predict
from hw.layers import Add, Input
from hw.network import Network
from hw.plan import Fold
from hw.targets import target
from secateur import cli
from tests.hw.networks import NO_PADDING, conv

KINDS = ("luts", "flip_flops", "dsp_cells", "block_rams")


@pytest.fixture
def network() -> Network:
    rng = np.random.default_rng(0)
    layers = (
        Input("x", (2, 8, 8)),
        conv(rng, "a", "x", (2, 8), density=0.7),
        conv(rng, "b", "a", (8, 8), stride=(2, 2)),
        conv(rng, "c", "b", (8, 4), (4, 4), padding=NO_PADDING, raw=True),
    )
    return Network("net", layers)


@pytest.fixture
def path(tmp_path, network):
    path = tmp_path / "net.network.safetensors"
    network.save(path)
    return path


def fold(capsys, *options, code=0):
    assert cli.main(["fold", *map(str, options), "--json", "-q"]) == code
    return json.loads(capsys.readouterr().out)


def foldings(found) -> dict[str, Fold]:
    return {name: Fold(*layer["fold"]) for name, layer in found["layers"].items()}


def test_a_network_is_folded_for_a_part(capsys, path, network, tmp_path):
    out = tmp_path / "folding.json"
    found = fold(capsys, path, "--target", "ecp5-25k", "--out", out)
    part, record = target("ecp5-25k"), json.loads(out.read_text())
    folding = {name: Fold(*numbers) for name, numbers in record["folding"].items()}
    cost, area = predict(network, folding), predict_area(network, folding, "ecp5")
    assert foldings(found) == {name: folding[name] for name in "abc"}
    assert found["fits"]
    assert found["total"] == {**vars(area), "multipliers": cost.multipliers}
    assert all(found["total"][key] <= getattr(part, key) for key in KINDS)
    assert found["limits"]["luts"] == int(0.9 * part.luts)
    assert found["interval"] == cost.interval
    assert found["fps"] == pytest.approx(100e6 / cost.interval)
    for layer in cost.layers:
        told = found["layers"][layer.name]
        assert (told["cycles"], told["memory_bits"]) == (layer.cycles, layer.memory_bits)
    for key in KINDS:  # of a layer, and so of their sum, cells are rounded
        parts = [layer["area"][key] for layer in found["layers"].values()]
        parts += [area[key] for area in found["ends"].values()]
        assert sum(parts) == pytest.approx(found["total"][key], abs=len(parts))


def test_a_rate_is_met_with_less(capsys, path):
    fastest = fold(capsys, path, "--target", "ecp5-25k")
    slower = fold(capsys, path, "--target", "ecp5-25k", "--cycles", 4 * fastest["interval"])
    assert slower["interval"] <= 4 * fastest["interval"]
    assert slower["total"]["multipliers"] < fastest["total"]["multipliers"]
    frames = 10e6 / (4 * fastest["interval"])
    same = fold(capsys, path, "--target", "ecp5-25k", "--fps", frames, "--mhz", 10)
    assert same["cycles"] in (slower["cycles"], slower["cycles"] - 1)
    assert same["fps"] >= frames


@pytest.mark.parametrize(
    ("option", "key", "most"),
    [("--multipliers", "multipliers", 7), ("--dsp", "dsp_cells", 9), ("--luts", "luts", 1700)],
)
def test_plain_numbers_bound_a_design(capsys, path, option, key, most):
    found = fold(capsys, path, option, most)
    assert found["limits"] == {key: most}
    assert found["total"][key] <= most


def test_what_is_ignored_is_lacking_and_told(capsys, path):
    options = (path, "--luts", 3000, "--block-rams", 0)
    error = fold(capsys, *options, code=4)
    assert error["exit"] == 4
    assert error["error"].startswith("network 'net' does not fit budget: ")
    found = fold(capsys, *options, "--ignore", "block-rams")
    assert found["total"]["luts"] <= 3000
    assert not found["fits"]
    assert found["lacks"] == {"block_rams": found["total"]["block_rams"]}
    assert "pruned" in found["remedy"] or "no pruning" in found["remedy"]
    assert cli.main(["fold", *map(str, options), "--ignore", "block-rams", "-q"]) == 0
    said = capsys.readouterr().out
    assert f"budget lacks {found['lacks']['block_rams']} block RAMs; {found['remedy']}" in said


def test_all_of_it_is_told(capsys, path):
    found = fold(capsys, path, "--target", "xc7a35t")
    assert cli.main(["fold", str(path), "--target", "xc7a35t", "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.startswith("b "))
    layer = found["layers"]["b"]
    share = f"{layer['cycles'] / found['interval']:.1%}"
    assert " x ".join(map(str, layer["fold"])) in line
    cells = line.split()
    assert {f"{layer['cycles']:,}", share, f"{layer['memory_bits']['weights']:,}"} <= set(cells)
    (total,) = (line for line in lines if line.startswith("DSP cells "))
    dsp = found["total"]["dsp_cells"]
    assert total.split()[2:] == [str(dsp), "90", f"{dsp / 90:.1%}"]


def test_pruning_that_would_fit_is_told(capsys, path):
    error = fold(capsys, path, "--target", "ice40-up5k", "--dsp", 2, code=4)
    assert "with one multiplier a layer" in error["error"]
    assert error["error"].endswith("; no pruning up to 95% makes it fit")


def test_branches_are_pruned_by_kernels(capsys, tmp_path):
    rng = np.random.default_rng(0)
    layers = (
        Input("x", (1, 6, 6)),
        conv(rng, "a", "x", (1, 16)),
        conv(rng, "b", "a", (16, 16)),
        Add("s", ("b", "a"), (3, 5), 3),
    )
    path = tmp_path / "net.safetensors"
    Network("net", layers).save(path)
    cycles = fold(capsys, path, "--multipliers", 4)["interval"]
    error = fold(capsys, path, "--multipliers", 4, "--cycles", cycles * 3 // 4, code=4)
    sentence = f"within {cycles * 3 // 4:,} cycles a frame: the fastest fold that fits takes"
    assert sentence in error["error"]
    assert "pruned, " in error["error"]


def test_generate_takes_folds_and_targets(capsys, path, tmp_path):
    out = tmp_path / "folding.json"
    found = fold(capsys, path, "--target", "ecp5-25k", "--cycles", 5000, "--out", out)
    made = []
    for number, options in enumerate(
        (["--folding", out], ["--target", "ecp5-25k", "--cycles", 5000])
    ):
        folder = tmp_path / f"design{number}"
        argv = ["generate", path, *options, "--out", folder, "--json", "-q"]
        assert cli.main([*map(str, argv)]) == 0
        made.append(json.loads(capsys.readouterr().out))
        assert (folder / "top.v").exists()
    for one in made:
        assert one["folding"] == {name: layer["fold"] for name, layer in found["layers"].items()}
        assert one["interval"] == found["interval"]


@pytest.mark.parametrize(
    ("command", "options", "code", "sentence"),
    [
        ("fold", [], 2, "one of --target, --luts, --multipliers, --block-rams, --dsp must say"),
        ("fold", ["--target", "ecp5"], 2, "target must be one of ecp5-25k, ecp5-45k"),
        ("fold", ["--luts", "-1"], 2, "luts must be at least 0, not -1"),
        ("fold", ["--luts", "10"], 4, "network 'net' does not fit budget: with one"),
        ("fold", ["--luts", "9000", "--fps", "0"], 2, "--fps must be above 0, not 0.0"),
        ("fold", ["--luts", "9000", "--mhz", "-1"], 2, "--mhz must be above 0, not -1.0"),
        ("fold", ["--luts", "9000", "--cycles", "0"], 2, "--cycles must be at least 1, not 0"),
        ("fold", ["--target", "ecp5-25k", "--share", "2"], 2, "share must be above 0 and at most"),
        ("generate", [], 2, "one of --multipliers, --cycles, --fps, --target and --folding must"),
        ("generate", ["--multipliers", "9", "--cycles", "9"], 2, "one of --multipliers, --cycles"),
        ("generate", ["--target", "ecp5-25k", "--cycles", "9"], 4, "does not fit ecp5-25k within"),
        ("generate", ["--folding", "nowhere.json"], 2, "nowhere.json is missing; secateur fold"),
    ],
)
def test_wrong_options(capsys, path, command, options, code, sentence):
    assert cli.main([command, str(path), *options, "-q"]) == code
    assert sentence in capsys.readouterr().err
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("folds", "sentence"),
    [
        ({"x": [1], "a": [1], "b": [1], "c": [1], "q": [1]}, "layer of network 'net', not of 'q'"),
        ({"x": [1], "a": [1], "b": [1], "c": [9]}, "layer 'c': P must be 1 to 1, not 9"),
        ({"x": [1], "a": [1], "b": [1]}, "layer 'c' must have a fold"),
        ({"x": ["1"]}, "not a record of secateur fold"),
        ([], "not a record of secateur fold"),
    ],
)
def test_wrong_foldings(capsys, path, tmp_path, folds, sentence):
    file = tmp_path / "folding.json"
    file.write_text(json.dumps({"schema": "secateur.folding/1", "folding": folds}))
    argv = ["generate", str(path), "--folding", str(file), "--out", str(tmp_path / "made"), "-q"]
    assert cli.main(argv) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_folds_that_are_there_are_not_written_over(capsys, path, tmp_path):
    out = tmp_path / "folding.json"
    out.write_text("mine")
    argv = ["fold", str(path), "--luts", "3000", "--out", str(out), "-q"]
    assert cli.main(argv) == 2
    assert "--force writes over it" in capsys.readouterr().err
    assert cli.main([*argv, "--force"]) == 0
    assert json.loads(out.read_text())["schema"] == "secateur.folding/1"
