import xml.etree.ElementTree as ElementTree

import pytest

from reports import plots


@pytest.mark.parametrize("draw", [plots.designs, plots.layers, plots.balance])
def test_plots_are_the_same_every_time_and_take_their_colours_from_the_page(report, draw):
    svg = draw(report)
    assert svg == draw(report)
    assert svg.startswith("<svg viewBox=")
    assert "var(--pruned)" in svg
    for placeholder in (plots.INK, plots.FAINT, *plots.COLOURS.values()):
        assert placeholder not in svg


def test_bars_carry_their_figures(report):
    svg = plots.designs(report)
    for name in ("pruned", "dense", "dense_same_rate"):
        assert f"{report[name]['cycles']['simulated']:,}<" in svg
        assert f"{report[name]['lut4_equivalents']:,}<" in svg
    assert f"interval {report['pruned']['cycles']['simulated']:,}" in plots.balance(report)


def test_a_picture_of_its_own_is_xml_with_colours(report):
    text = plots.standalone(plots.designs(report))
    root = ElementTree.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "--pruned: #" in text
