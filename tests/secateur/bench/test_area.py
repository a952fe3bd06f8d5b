import pytest

from hw.fold import Fold
from secateur.bench import area, synthesis
from secateur.bench.cases import Case


@pytest.fixture
def rows(monkeypatch, tmp_path):
    """Rows of which each has a LUT less than the one before, and the Verilog that was measured."""
    seen = []

    def figures(verilog, top, cache, seeds):
        seen.append(verilog.read_text(encoding="utf-8"))
        cells = {"luts": 320 - len(seen), "carries": 1, "flip_flops": 2, "dsp_cells": 8}
        return synthesis.NOTHING | cells | {"block_rams": 3, "fmax_of_seeds": [99.0] * len(seeds)}

    monkeypatch.setattr(synthesis, "figures", figures)
    folding = {"picture": Fold(1), "L4": Fold(2, 4)}
    network = Case("L4", "dense", 0, "shift").network
    return area.measure(network, folding, tmp_path, lambda *progress: None, seeds=(1,)), seen


def test_every_form_is_measured_once(rows):
    found, seen = rows
    assert [row["form"] for row in found] == list(area.forms())
    assert len(set(seen)) == len(seen) == 2 + 2 * len(area.CHOICES)
    assert {row["multipliers"] for row in found} == {8}


def test_the_table_says_what_each_choice_gives(rows):
    text = area.text(rows[0])
    assert "P x G x R x E is 2 x 4 x 1 x 1" in text
    first = next(iter(area.CHOICES))  # one LUT less alone, and three less as the last
    assert f"{first}: {area.CHOICES[first]}: 0.1 LUT4-equivalents" in text
    assert "| ecp5 | 312 | 39.0 | 1 | 2 | 8 | 3 | 99 |" in area.markdown(rows[0])
