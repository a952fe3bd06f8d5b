import pytest

from sim.check import check_simulator


@pytest.mark.rtl
def test_one_gate_works() -> None:
    assert check_simulator().startswith("verilator 5.")
