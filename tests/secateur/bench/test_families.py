from hw.fold import Fold
from reports import yosys
from secateur.bench import families
from secateur.bench.cases import SCALES, Case

ECP5 = {
    **{"family": "ecp5", "made_of": "ecp5", "scales": "multiplier"},
    **{"fold": {"P": 2, "G": 4, "R": 1, "E": 1}, "multipliers": 8},
    "cells": {"CCU2C": 3, "DP16KD": 1, "LUT4": 1310, "MULT18X18D": 8, "TRELLIS_FF": 2},
    **{"luts": 1316, "carries": 3, "flip_flops": 2, "dsp_cells": 8, "block_rams": 1},
}
GOWIN = ECP5 | {
    **{"family": "gowin", "made_of": "portable", "scales": "shift"},
    "cells": {"LUT3": 300, "MULT9X9": 8, "DFFR": 2},
    **{"luts": 300, "carries": None, "dsp_cells": 4},
}


def measure(folder, layer, fold, scales):
    networks = {name: Case(layer, "dense", 0, name).network for name in scales}
    folding = {"picture": Fold(1), layer: fold}
    return families.measure(networks, folding, folder, lambda *progress: None)


def test_every_family_has_portable_cells_and_its_own():
    assert families.forms() == [
        ("ecp5", "portable"),
        ("ecp5", "ecp5"),
        ("xilinx7", "portable"),
        ("xilinx7", "xilinx7"),
        ("xilinx7", "xilinx7_packed"),
        ("ice40", "portable"),
        ("gowin", "portable"),
    ]
    assert set(families.FAMILIES) < yosys.FLOWS.keys()


def test_every_form_is_measured_once_with_all_scales(measured, tmp_path):
    rows = measure(tmp_path, "L1", Fold(2, 4), SCALES)
    asked = [(row["family"], row["made_of"], row["scales"]) for row in rows]
    assert asked == [(*form, scales) for form in families.forms() for scales in SCALES]
    assert [family for _, family in measured] == [row["family"] for row in rows]
    assert len(set(measured)) == 14
    assert len({verilog for verilog, _ in measured}) == 8  # the portable ones are the same
    assert {row["multipliers"] for row in rows} == {8}


def test_carries_are_the_ecp5s_only():
    page = families.markdown([ECP5, GOWIN])
    assert "|---|---|---|---:|" in page
    assert "| ecp5 | ecp5 | multiplier | 1,316 | 164.5 | 3 | 2 | 8 | 1 |" in page
    assert "| gowin | portable | shift | 300 | 37.5 | - | 2 | 4 | 1 |" in page


def test_notes_say_which_cells_count():
    text = families.text([ECP5, GOWIN])
    assert "P x G x R x E is 2 x 4 x 1 x 1" in text
    assert "\necp5: LUTs LUT4, 2 a CCU2C; DSP cells MULT18X18D; block RAM DP16KD.\n" in text
    assert "\ngowin: LUTs LUT3; DSP cells 0.5 a MULT9X9; block RAM none.\n" in text
    assert f"Scales: multiplier: {SCALES['multiplier']}; shift: {SCALES['shift']}." in text
    assert SCALES["multiplier"] not in families.text([GOWIN])


def test_each_multiplier_is_a_dsp_cell_of_ice40(monkeypatch, tmp_path):
    monkeypatch.setattr(families, "FAMILIES", ("ice40",))
    (row,) = measure(tmp_path, "L1", Fold(2, 2), ["shift"])
    assert (row["family"], row["made_of"], row["carries"]) == ("ice40", "portable", None)
    assert row["dsp_cells"] == row["multipliers"] == row["cells"]["SB_MAC16"] == 4
    assert row["luts"] == row["cells"]["SB_LUT4"]
    assert "ice40: LUTs SB_LUT4; DSP cells SB_MAC16;" in families.text([row])
