import pytest

from reports import plots
from reports.drawing import COLOURS


@pytest.mark.parametrize("draw", [plots.designs, plots.layers, plots.balance])
def test_plots_are_the_same_every_time_and_take_their_colours_from_the_page(report, draw):
    svg = draw(report)
    assert svg == draw(report)
    assert svg.startswith("<svg viewBox=")
    assert "var(--pruned)" in svg
    for placeholder in COLOURS.values():
        assert placeholder not in svg


def test_bars_carry_their_figures(report):
    svg = plots.designs(report)
    for name in ("pruned", "dense", "dense_same_rate"):
        assert f"{report[name]['cycles']['simulated']:,}<" in svg
        assert f"{report[name]['lut4_equivalents']:,}<" in svg
    assert f"interval {report['pruned']['cycles']['simulated']:,}" in plots.balance(report)
