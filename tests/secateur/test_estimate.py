import json
import time

import numpy as np
import pytest

from hw.layers import Conv, Input, Layer
from hw.network import Network
from secateur import cli


@pytest.fixture
def path(tmp_path):
    """A chain of the size of ResNet-8's convolutions."""
    rng = np.random.default_rng(0)
    layers: list[Layer] = [Input("image", (3, 32, 32))]
    source, inputs = "image", 3
    widths = ((16, 1), (16, 1), (16, 1), (32, 2), (32, 1), (64, 2), (64, 1))
    for number, (width, stride) in enumerate(widths, 1):
        weight = rng.integers(-127, 128, (width, inputs, 3, 3))
        ones = np.ones(width, int)
        options = {"stride": (stride, stride), "padding": (1, 1, 1, 1)}
        name = f"conv{number}"
        layers.append(Conv(name, source, weight, 0 * ones, ones, 11 * ones, **options))
        source, inputs = name, width
    linear = rng.integers(-127, 128, (10, inputs, 8, 8))
    layers.append(Conv("linear", source, linear, np.zeros(10, int)))
    path = tmp_path / "eight.network.safetensors"
    Network("eight", tuple(layers)).save(path)
    return path


def estimate(capsys, *options):
    assert cli.main(["estimate", *map(str, options), "--json", "-q"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("granularity", ["kernel", "feature-map", "intra-kernel"])
def test_half_pruned_is_told_beside_dense(capsys, path, granularity):
    start = time.process_time()
    pruning = f"ratio=0.5,granularity={granularity}"
    found = estimate(capsys, path, "--multipliers", 100, "--prune", pruning)
    assert time.process_time() - start < 5
    dense, pruned = found["dense"], found["pruned"]
    assert found["prune"] == {"granularity": granularity, "ratio": 0.5, "seed": 0}
    assert max(dense["multipliers"], pruned["multipliers"]) <= 100
    bounds = (0.2, 0.35) if granularity == "feature-map" else (0.45, 0.55)
    assert bounds[0] < pruned["macs"] / dense["macs"] < bounds[1]
    assert pruned["interval"] / dense["interval"] < bounds[1] + 0.1
    assert pruned["parameters"] < dense["parameters"]
    assert sum(one["memory_bits"] for one in dense["layers"].values()) == dense["memory_bits"]


def test_at_one_rate_pruning_saves_multipliers(capsys, path):
    found = estimate(capsys, path, "--interval", 150_000, "--prune", "ratio=0.5")
    assert found["budget"] == {"interval": 150_000}
    assert found["dense"]["interval"] <= 150_000
    assert found["pruned"]["interval"] <= 150_000
    assert found["pruned"]["multipliers"] < 0.6 * found["dense"]["multipliers"]


def test_a_network_is_told_as_it_is(capsys, path):
    found = estimate(capsys, path)
    assert "pruned" not in found
    assert found["budget"] == {"multipliers": 32}
    assert cli.main(["estimate", str(path), "-q"]) == 0
    said = capsys.readouterr().out
    assert f"{found['dense']['interval']:,}" in said
    assert "saved" not in said
    (name, layer), *_ = found["dense"]["layers"].items()
    (line,) = (line for line in said.splitlines() if line.startswith(f"{name} "))
    assert line.split()[-2:] == [layer["coding"], f"{layer['schedule_bits_per_tap']:.2f}"]


def test_every_cycle_of_every_layer_is_told(capsys, path):
    found = estimate(capsys, path, "--multipliers", 100)["dense"]
    for layer in found["layers"].values():
        assert sum(layer["attribution"].values()) == pytest.approx(found["interval"])
        assert sum(layer["first_frame"].values()) == found["latency"]
    assert cli.main(["estimate", str(path), "--multipliers", "100", "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (head,) = (line for line in lines if line.startswith("layer "))
    (told,) = (line for line in lines if line.startswith("conv3 "))
    shares = [float(cell[:-1]) for cell in told.split() if cell.endswith("%")]
    assert len(shares) == len(head.split("  used  ")[1].split("  first")[0].split()) + 1
    assert sum(shares) == pytest.approx(100, abs=0.3)


def test_what_is_saved_is_told(capsys, path):
    assert cli.main(["estimate", str(path), "--prune", "ratio=0.5,granularity=kernel", "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[-1].strip() == "saved"
    (macs,) = (line for line in lines if line.startswith("MACs"))
    assert macs.endswith("50.0%")


def test_area_is_told_for_a_target(capsys, path):
    options = (path, "--prune", "ratio=0.5,granularity=kernel", "--target", "ecp5-45k")
    found = estimate(capsys, *options, "--multipliers", 60)
    target = found["target"]
    assert (target["name"], target["family"], target["dsp_cells"]) == ("ecp5-45k", "ecp5", 72)
    for name in ("dense", "pruned"):
        area, lacks = found[name]["area"], found[name]["lacks"]
        assert area["dsp_cells"] >= found[name]["multipliers"]
        keys = ("luts", "flip_flops", "dsp_cells", "block_rams")
        assert lacks == {k: area[k] - target[k] for k in keys if area[k] > target[k]}
        assert found[name]["fits"] == (not lacks)


def test_a_target_that_is_too_small_says_what_it_lacks(capsys, path):
    options = [str(path), "--multipliers", "60"]
    area = estimate(capsys, *options, "--target", "ecp5-25k")["dense"]["area"]
    assert cli.main(["estimate", *options, "--target", "ecp5-25k", "-q"]) == 0
    said = capsys.readouterr().out
    assert f"lacks {area['dsp_cells'] - 28} DSP cells" in said
    (line,) = (line for line in said.splitlines() if line.startswith("DSP cells of 28"))
    assert line.endswith(str(area["dsp_cells"]))


def test_area_is_that_of_ecp5_without_a_target(capsys, path):
    found = estimate(capsys, path)
    assert found["target"] is None
    assert found["dense"]["area"]["family"] == "ecp5"
    assert "fits" not in found["dense"]


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--target", "ecp5"], 2, "target must be one of ecp5-25k, ecp5-45k"),
        (["--multipliers", "0"], 2, "--multipliers must be at least 1, not 0"),
        (["--interval", "0"], 2, "--interval must be at least 1, not 0"),
        (["--prune", "ratio=2"], 2, "ratio must be above 0 and below 1, not 2.0"),
        (["--multipliers", "3"], 4, "needs at least 8 multipliers"),
        (["--interval", "3"], 4, "interval must be at least"),
    ],
)
def test_wrong_options(capsys, path, options, code, sentence):
    assert cli.main(["estimate", str(path), *options, "-q"]) == code
    assert sentence in capsys.readouterr().err
