import pytest

from hw.fold import Fold
from secateur.bench import area
from secateur.bench.cases import Case


@pytest.fixture
def rows(measured, tmp_path):
    """Rows of which each has a LUT less than the one before."""
    folding = {"picture": Fold(1), "L4": Fold(2, 4)}
    network = Case("L4", "dense", 0, "shift").network
    return area.measure(network, folding, tmp_path, lambda *progress: None, seeds=(1,))


def test_every_form_is_measured_once(rows, measured):
    assert [row["form"] for row in rows] == list(area.forms())
    assert len(set(measured)) == len(measured) == 2 + 2 * len(area.CHOICES)
    assert {row["multipliers"] for row in rows} == {8}


def test_the_table_says_what_each_choice_gives(rows):
    text = area.text(rows)
    assert "P x G x R x E is 2 x 4 x 1 x 1" in text
    first = next(iter(area.CHOICES))  # one LUT less alone, and three less as the last
    assert f"{first}: {area.CHOICES[first]}: 0.1 LUT4-equivalents" in text
    assert "| ecp5 | 312 | 39.0 | 1 | 2 | 8 | 3 | 99 |" in area.markdown(rows)
