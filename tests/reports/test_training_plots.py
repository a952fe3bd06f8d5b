import re

from reports.training_plots import draw_training

ROWS = [(1, 1, 0.5, 20), (1, 2, 0.05, 9), (2, 1, 0.2, 12), (2, 2, 0.04, 6), (2, 3, 0.02, 5)]


def lines(svg: str, colour: str) -> list[int]:
    """Points of every line in a colour."""
    style = rf'<path d="([^"]*)"[^>]*stroke: var\(--{colour}\); stroke-width: 1.3'
    return [path.count("L") + path.count("M") for path in re.findall(style, svg)]


def test_every_step_is_a_line():
    svg = draw_training({"dense": [(0, 1, 0.9, 40), (0, 2, 0.3, 11)], "pruned": ROWS})
    assert svg is not None
    assert sorted(lines(svg, "dense")) == [2, 2]  # errors and loss
    assert sorted(lines(svg, "pruned")) == [2, 2, 3, 3]


def test_models_without_rows_are_left_out():
    svg = draw_training({"dense": [], "pruned": ROWS})
    assert svg is not None
    assert (">dense<" in svg, ">pruned<" in svg) == (False, True)
    assert draw_training({"dense": [], "pruned": []}) is None
