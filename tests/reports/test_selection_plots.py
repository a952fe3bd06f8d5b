"""Plots of records that selectors made of a very small model."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from pruning import zoo
from pruning.data import load
from pruning.models import model_of
from pruning.prune import prune
from pruning.selectors import L1, LinearEnsembles, ParticleFilter, Probabilistic, RandomMasks
from reports.drawing import standalone
from reports.selection_plots import LEVELS, draw_selection

SELECTORS = {
    "l1": L1(),
    "random-masks": RandomMasks(9),
    "particle-filter": ParticleFilter(6, 3),
    "linear-ensembles": LinearEnsembles(8, 2),
    "probabilistic": Probabilistic(t=2, iterations=60),
}


@pytest.fixture(scope="module")
def records():
    data = load("digits")
    model = model_of(zoo.build("chain", 1, widths=(4, 6), pools=(1, 2)), data.pixels)
    return {
        name: prune(model, data, granularity="kernel", selector=selector).facts["prune"]
        for name, selector in SELECTORS.items()
    }


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("l1", []),
        ("random-masks", ["candidates"]),
        ("particle-filter", ["candidates", "particles"]),
        ("linear-ensembles", ["regression"]),
        ("probabilistic", ["probabilities"]),
    ],
)
def test_what_a_selector_saw_is_drawn_and_nothing_else(records, selector, names):
    plots = draw_selection(records[selector])
    assert list(plots) == names
    assert plots == draw_selection(records[selector])
    for plot in plots.values():
        assert ElementTree.fromstring(standalone(plot)).tag.endswith("svg")


def test_a_record_without_a_log_has_candidates_only(records):
    old = {key: value for key, value in records["particle-filter"].items() if key != "log"}
    assert list(draw_selection(old)) == ["candidates"]
    assert draw_selection({}) == {}


def test_every_candidate_is_a_dot_and_the_best_is_named(records):
    record = records["random-masks"]
    plot = draw_selection(record)["candidates"]
    (dots,) = re.findall(r'<path d="([^"]*)"[^>]*stroke-linecap: round', plot)
    assert dots.count("M") == len(record["candidates"]) == 9
    assert f"best {min(record['candidates'])}<" in plot
    assert f"validation errors of {record['images']}" in plot


def test_weights_are_shaded_against_the_heaviest_of_their_generation(records):
    log = records["particle-filter"]["log"]
    plot = draw_selection(records["particle-filter"])["particles"]
    weights = -np.sort(-np.array(log["weights"]), axis=1)
    shades = np.rint(weights / weights[:, :1] * LEVELS)
    areas = shaded_areas(plot)
    cell = areas[1.0] / (shades == LEVELS).sum()
    for shade in range(1, LEVELS):
        wanted = (shades == shade).sum()
        assert areas.get(shade / LEVELS, 0) / cell == pytest.approx(wanted, abs=1e-3), shade


def shaded_areas(plot: str) -> dict[float, float]:
    """Area of every opacity in the one panel that is a heat map."""
    style = r'style="fill: var\(--pruned\)(?:; fill-opacity: (.*?))?"'
    found = re.findall(rf'<path d="([^"]*)" clip-path="(\S+)" {style}', plot)
    (panel,) = {panel for _, panel, opacity in found if opacity}
    areas = {}
    for path, _, opacity in (each for each in found if each[1] == panel):
        corners = [corner.split() for corner in re.findall(r"[ML] ([\d. -]+)", path)]
        boxes = np.array(corners, float).reshape(-1, 4, 2)
        areas[float(opacity or 1)] = float(np.ptp(boxes, axis=1).prod(1).sum())
    return areas


def test_layers_have_a_heat_map_each_and_say_if_they_were_not_done(records):
    record = records["probabilistic"]
    plot = draw_selection(record)["probabilities"]
    layers = [name for name in record["log"] if name.startswith("probability of ")]
    for name in layers:
        assert name.removeprefix("probability of ") in plot
    assert plot.count("not all gone in time") == len(record["log"]["unfinished"]) > 0
