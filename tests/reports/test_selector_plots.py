import json
import re

import pytest

from reports.selector_plots import Point, draw_selectors, grouped


def row(selector, granularity, ratio, seed, accuracy, **costs):
    return {
        "selector": selector,
        "granularity": granularity,
        "ratio": ratio,
        "seed": seed,
        "accuracy_before": 0.98,
        "accuracy": accuracy,
        **costs,
    }


ROWS = [
    row("l1", "kernel", 0.5, 1, 0.875, macs=500, cycles=100),
    row("l1", "kernel", 0.5, 2, 0.9375, macs=500, cycles=140),
    row("l1", "kernel", 0.75, 1, 0.8, macs=250, cycles=70),
    row("taylor", "kernel", 0.5, 1, 0.95, macs=500, cycles=110),
    row("taylor", "feature-map", 0.5, 1, 0.91, macs=490, cycles=None),
]


def test_seeds_are_grouped_and_the_cheapest_comes_first():
    points = grouped(ROWS[:3], "cycles")
    assert points == [Point(70, 0.8, 0.8, 0.8), Point(120, 0.90625, 0.875, 0.9375)]


def test_every_cost_of_every_granularity_has_a_panel():
    svg = draw_selectors(ROWS)
    titles = re.findall(r"font-weight: 700[^>]*>([\w-]+)<|700 11px[^>]*>([\w-]+)<", svg)
    assert [first or second for first, second in titles] == ["kernel", "kernel", "feature-map"]
    assert (svg.count(">MACs<"), svg.count(">cycles a frame<"), svg.count(">LUTs<")) == (2, 1, 0)
    assert (svg.count(">l1<"), svg.count(">taylor<")) == (1, 1)


def test_rows_may_come_from_json():
    assert draw_selectors(json.loads(json.dumps(ROWS))) == draw_selectors(ROWS)


def test_rows_without_a_cost_are_refused():
    with pytest.raises(ValueError, match=r"^rows must have one of macs, cycles, luts, not 1 "):
        draw_selectors([row("l1", "kernel", 0.5, 1, 0.9)])
