import copy
import dataclasses
import re

import numpy as np

from hw.whole_file import write_whole
from reports import page
from reports.mask_pictures import draw_masks
from reports.selection_plots import draw_selection
from reports.training_plots import draw_training
from tests.reports.conftest import network

LOADS = re.compile(r"""(?:src|href|data|poster|action)\s*=\s*["']?(?!#)|url\((?!#)|@import""")


def test_the_page_needs_nothing_else(report):
    text = page.render(report)
    assert "http" not in text
    assert not LOADS.findall(re.sub(r'xlink:href="#\w+"', "", text))
    assert text.count("<svg") == text.count("</svg>") == 3
    assert "<script" not in text


def test_every_svg_refers_to_itself_only(report):
    assert_complete(page.render(report))


def assert_complete(text: str) -> None:
    """Every name that is used is defined, once."""
    defined = re.findall(r'\sid="([^"]+)"', text)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    assert len(defined) == len(set(defined))
    assert used <= set(defined)


def test_pictures_of_a_pruning_have_sections_if_they_are_there(report):
    rows = [(0, 1, 0.5, 9), (0, 2, 0.1, 4)]
    dense = network(8)
    mask = np.random.default_rng(1).random((8, 1, 3, 3)) < 0.5
    conv = dataclasses.replace(dense.layers[1], weight=mask.astype(int), mask=mask)
    pruned = dataclasses.replace(dense, layers=(dense.layers[0], conv, *dense.layers[2:]))
    prune = {"selector": "random-masks", "granularity": "weight", "budget": "macs=0.5"}
    prune |= {"candidates": [7, 5, 9], "images": 40, "log": {}}
    pictures = {
        "masks": draw_masks(dense, pruned),
        "training": draw_training({"dense": rows}),
        **draw_selection(prune),
    }
    assert list(pictures) == ["masks", "training", "candidates"]
    text = page.render(report, prune, pictures)
    for heading in ("What survives, ", "What the selector saw", "Training, "):
        assert f"<h2>{heading}" in text
        assert f"<h2>{heading}" not in page.render(report)
    assert "<b>random-masks</b>" in text
    assert text.count("<svg") == 6
    assert_complete(text)


def test_definitions_and_figures_are_printed(report):
    text = page.render(report)
    for word in page.DEFINITIONS:
        assert f"<dt>{word}</dt>" in text
    for name in ("pruned", "dense", "dense_same_rate"):
        assert f"<td>{report[name]['cycles']['simulated']:,}</td>" in text
    assert "4 <small>of 8</small>" in text


def test_text_is_escaped(report):
    text = page.render(report)
    assert "g++ &lt;12&gt; &amp; more" in text
    hostile = copy.deepcopy(report)
    hostile["name"] = "<b>"
    hostile["pruned"]["layers"][0]["name"] = "<script>"
    hostile["dense"]["layers"][0]["name"] = "<script>"
    text = page.render(hostile)
    assert "<script>" not in text
    assert "<b>: pruned" not in text


def test_the_page_is_the_same_every_time(report, tmp_path):
    write_whole(tmp_path / "report.html", page.render(report))
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page.render(report)
    assert [item.name for item in tmp_path.iterdir()] == ["report.html"]


def test_the_hero_says_what_was_saved(report):
    faster, smaller, right = page.hero(report)
    saved = report["dense"]["cycles"]["simulated"] / report["pruned"]["cycles"]["simulated"]
    assert faster["value"] == f"{saved:.2f}\N{MULTIPLICATION SIGN}"
    assert smaller["value"] == f"\N{MINUS SIGN}{1 - 810 / 1610:.0%}"
    assert right["value"] == "97.0%"
