import pytest
from amaranth.back import verilog

from hw.cells.ecp5 import Ecp5
from hw.cells.mixed import CHOICES, Mixed
from hw.cells.portable import PORTABLE, Portable
from hw.fold import Fold
from hw.layer import LayerEngine
from hw.plan import LayerPlan, plan
from secateur.bench.cases import network


def emitted(cells: Portable) -> str:
    """Verilog of L4 on 2 lanes and 2 outputs."""
    folding = {"picture": Fold(1), "L4": Fold(2, 2)}
    (made,) = plan(network("L4", "dense"), folding, stages=cells.stages)
    assert isinstance(made, LayerPlan)
    engine = LayerEngine(made)
    return verilog.convert(engine, "engine", cells, emit_src=False, strip_internal_attrs=True)


def test_no_choice_is_portable_and_all_are_the_familys() -> None:
    assert emitted(Mixed(())) == emitted(PORTABLE)
    assert emitted(Mixed(CHOICES)) == emitted(Ecp5())


@pytest.mark.parametrize(
    ("choice", "cell"),
    [("accumulators", "CCU2C"), ("multipliers", "MULT18X18D"), ("block RAM", "DP16KD")],
)
def test_each_choice_brings_its_own_cells(choice, cell) -> None:
    every = {"CCU2C", "MULT18X18D", "DP16KD"}
    alone, others = emitted(Mixed([choice])), emitted(Mixed(CHOICES.keys() - {choice}))
    assert {one for one in every if one in alone} == {cell}
    assert {one for one in every if one in others} == every - {cell}
