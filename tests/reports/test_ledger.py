import copy
import json
from pathlib import Path

import pytest

from reports import ledger

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "report.md"


def test_a_ledger_comes_back(report, tmp_path):
    path = tmp_path / "report.json"
    ledger.save(report, path)
    assert ledger.load(path) == report
    assert [item.name for item in tmp_path.iterdir()] == ["report.json"]


def test_figures_follow_the_definitions(report):
    for name in ledger.DESIGNS:
        design = report[name]
        assert design["multipliers"] == sum(layer["multipliers"] for layer in design["layers"])
        for layer in design["layers"]:
            fold = layer["fold"]
            if layer["multipliers"]:
                assert layer["multipliers"] == fold["P"] * fold["G"] * fold["R"]
                work = layer["cycles"]["simulated"] * layer["multipliers"]
                assert layer["utilisation"] == layer["macs"] / work
        assert design["macs"] == sum(layer["macs"] for layer in design["layers"])
        assert design["parameters"] == sum(layer["parameters"] for layer in design["layers"])
        work = design["cycles"]["simulated"] * design["multipliers"]
        assert design["utilisation"] == design["macs"] / work
        assert design["lut4_equivalents"] == design["cells"]["LUT4"] + 2 * 5
        assert design["dsp_cells"] == design["cells"]["MULT18X18D"]
        # One multiplier cell for each multiplier; these requantise without any.
        assert design["predicted_area"]["dsp_cells"] >= design["multipliers"]


def test_layers_say_what_they_are_and_what_was_cut(report):
    conv, pool, linear = report["pruned"]["layers"]
    assert [layer["kind"] for layer in (conv, pool, linear)] == [
        "convolution",
        "max pooling",
        "linear",
    ]
    assert (conv["maps"], conv["maps_before"]) == (4, 8)
    assert (linear["maps"], linear["maps_before"]) == (10, 10)
    assert pool["utilisation"] is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda r: r.update(schema="secateur.report/9"), "schema must be 'secateur.report/1'"),
        (lambda r: r["dense"].pop("mismatches"), "dense.mismatches must be there"),
        (
            lambda r: r["pruned"]["cycles"].update(simulated=None),
            "pruned.cycles.simulated must not",
        ),
        (lambda r: r["pruned"].update(frames=True), "pruned.frames must not be a bool"),
        (lambda r: r["dense"].update(layers={}), "dense.layers must not be a dict"),
        (lambda r: r["dense"]["layers"][1].pop("macs"), r"dense.layers\[1\].macs must be there"),
    ],
)
def test_what_does_not_fit_the_schema_is_named(report, tmp_path, change, sentence):
    wrong = copy.deepcopy(report)
    change(wrong)
    path = tmp_path / "report.json"
    with pytest.raises(ValueError, match=sentence):
        ledger.save(wrong, path)
    assert not path.exists()
    path.write_text(json.dumps(wrong), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"report\.json: not a report: {sentence}"):
        ledger.load(path)


def test_the_documentation_has_every_key(report):
    text = DOCUMENTATION.read_text(encoding="utf-8")
    assert f"`{ledger.SCHEMA}`" in text
    layer = report["pruned"]["layers"][0]
    for key in (*report, *report["pruned"], *layer):
        assert f"`{key}`" in text, key
