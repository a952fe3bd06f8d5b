import pytest

from hw.cells.ecp5 import Ecp5
from hw.cells.portable import PORTABLE
from hw.fold import Fold
from secateur.bench import engine
from secateur.bench.cases import network

NETWORK = network("L1", "dense")
FOLDING = {"picture": Fold(1), "L1": Fold(2, 4)}


def test_an_engine_is_written_and_measured(measured, tmp_path):
    built, path = engine.planned(NETWORK, FOLDING, PORTABLE), tmp_path / "new" / "engine.v"
    row = engine.measure(built, PORTABLE, path, tmp_path, "gowin", seeds=(1,))
    assert (row["fold"], row["multipliers"]) == ({"P": 2, "G": 4, "R": 1, "E": 1}, 8)
    assert (row["luts"], row["fmax_of_seeds"]) == (319, [99.0])
    assert measured == [(path.read_text(encoding="utf-8"), "gowin")]
    assert f"module {engine.TOP}(" in measured[0][0]
    assert engine.folded([row]).startswith("P x G x R x E is 2 x 4 x 1 x 1, ")


def test_a_plan_is_that_of_the_cells():
    assert engine.planned(NETWORK, FOLDING, Ecp5()).stages == Ecp5.stages
    with pytest.raises(ValueError, match="L2"):
        engine.planned(NETWORK, FOLDING | {"L2": Fold(1)}, PORTABLE)
