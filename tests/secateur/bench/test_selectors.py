import dataclasses
import json
from fractions import Fraction

import numpy as np
import pytest

from pruning import zoo
from pruning.constraints import Constraints
from pruning.data import load, pixels_of
from pruning.evaluate import evaluate
from pruning.granularities import units
from pruning.models import model_of
from pruning.prune import prune
from pruning.selectors import L1, Probabilistic, Problem
from pruning.train import train
from secateur.bench.selectors import Bench, Case, Protocol, measure

TINY = Protocol(train_images=256, images=100, masks=10, multipliers=16)


def silent(text, done, total):
    pass


@pytest.fixture(scope="module")
def data():
    return load("digits")


@pytest.fixture(scope="module")
def model(data):
    module = zoo.build("chain", 1, widths=(6, 8, 10))
    return train(model_of(module, data.pixels), data, epochs=3, rate=0.05, batch=32)


@pytest.fixture(scope="module")
def bench(model, data):
    return Bench(model, data, TINY)


def without_time(row):
    return {key: value for key, value in row.items() if key != "seconds"}


def test_ratio_is_a_part_of_the_weights_of_convolutions(bench):
    # 6 + 48 + 80 kernels of 9 weights; the first 6 stay. Half is 67: 6 + 23 + 38 is the most that
    # a common share leaves, since 39 of 80 is more than 23 of 48.
    row = bench.row(Case("l1", "kernel", 0.5, 1))
    assert bench.head["dense"]["weights"] == 134 * 9
    assert row["kept"] == {"conv2": 23, "conv3": 38}
    assert row["weights"] == 67 * 9
    assert row["cycles"] < bench.head["dense"]["cycles"]


def test_ratio_is_a_part_of_the_macs(model, data):
    bench = Bench(model, data, dataclasses.replace(TINY, of="macs"))
    for granularity in ("feature-map", "kernel"):
        macs = bench.row(Case("l1", granularity, 0.5, 1))["macs"]
        assert 0.4 * model.macs < macs <= 0.5 * model.macs


def test_row_is_that_of_the_steps_by_hand(bench, model, data):
    row = bench.row(Case("l1", "kernel", 0.5, 2))
    pruned = prune(
        model, data, shares=bench.shares("kernel", 0.5), granularity="kernel", selector=L1()
    )
    few = dataclasses.replace(data, train=data.train[:256])
    trained = train(pruned, few, epochs=1, rate=0.01, seed=2)
    assert row["accuracy"]["pruned"] == evaluate(pruned, data.test)
    assert row["accuracy"]["retrained"] == evaluate(trained, data.test)
    assert row["macs"] == pruned.macs


def test_linear_layers_keep_their_maps():
    data = load("digits")
    module = zoo.build("lenet5")
    pixels = pixels_of((1, 28, 28))
    pictures = np.zeros((70, 1, 28, 28), np.uint8)
    splits = {
        name: dataclasses.replace(part, images=pictures, labels=part.labels[:70])
        for name in ("train", "validation", "test")
        if (part := getattr(data, name))
    }
    data = dataclasses.replace(data, pixels=pixels, **splits)
    bench = Bench(model_of(module, pixels), data, dataclasses.replace(TINY, train_images=64))
    assert bench.constraints == Constraints(protect=("linear1", "linear2", "linear3"))
    assert bench.row(Case("l1", "feature-map", 0.5, 1))["kept"] == {"conv2": 7}  # 150 + 7 * 150


@pytest.mark.parametrize("name", ["random-masks", "particle-filter", "linear-ensembles"])
def test_searches_score_as_many_masks_as_they_may(bench, name):
    found = units(bench.model.module.graph, "kernel", Fraction(1, 2))
    selection = bench.selector(name).select(Problem(bench.model, bench.data, found))
    costs = selection.log.get("costs", [selection.candidates])  # linear-ensembles: of every step
    assert sum(map(len, costs)) == 10


def test_probabilistic_trains_no_longer_than_it_may(bench, model, data):
    assert bench.steps == 4  # 256 pictures in batches of 64
    for asked, iterations, period in ((0, 4, 1), (1000, 1000, 4)):
        selector = Bench(model, data, dataclasses.replace(TINY, iterations=asked)).selector(
            "probabilistic"
        )
        assert isinstance(selector, Probabilistic)
        assert (selector.iterations, selector.t) == (iterations, period)
    row = bench.row(Case("probabilistic", "kernel", 0.5, 1))
    assert row["unfinished"] == ["conv2", "conv3"]  # the least that a unit takes is 20 updates
    assert row["weights"] == 67 * 9


def test_what_is_not_possible_says_why(bench):
    row = bench.row(Case("bn-scale", "kernel", 0.5, 1))
    assert row["undefined"].endswith("granularity must be feature-map for bn-scale, not 'kernel'")
    row = bench.row(Case("l1", "kernel", 0.99, 1))
    assert row["undefined"] == (
        "budget must be at least 72, the least that kernel pruning leaves, not 12"
    )


def test_work_goes_on_after_a_kill(bench, tmp_path):
    cases = [Case(name, "kernel", 0.5, 1) for name in ("l1", "random-masks", "bn-scale")]
    whole = measure(bench, cases, tmp_path / "whole.jsonl", silent)
    path, made = tmp_path / "rows.jsonl", []

    class Spied(Bench):
        def row(self, case):
            made.append(case)
            if len(made) == 2:
                raise KeyboardInterrupt
            return super().row(case)

    spied = Spied(bench.model, load("digits"), TINY)
    with pytest.raises(KeyboardInterrupt):
        measure(spied, cases, path, silent)
    assert len(path.read_text().splitlines()) == 2
    rows = measure(spied, cases, path, silent)
    assert made == [cases[0], cases[1], cases[1], cases[2]]
    assert list(map(without_time, rows)) == list(map(without_time, whole))
    assert measure(spied, cases, path, silent) == rows
    assert len(made) == 4


def test_rows_of_another_protocol_are_not_gone_on_with(bench, model, data, tmp_path):
    path = tmp_path / "rows.jsonl"
    measure(bench, [], path, silent)
    measure(bench, [Case("bn-scale", "kernel", 0.5, 1)], path, silent)
    other = Bench(model, data, dataclasses.replace(TINY, rate=0.02))
    with pytest.raises(ValueError, match=r"rows\.jsonl: rate must be 0\.01, not 0\.02$"):
        measure(other, [], path, silent)
    fewer = dataclasses.replace(data, test=data.test[:100])
    with pytest.raises(ValueError, match="digest must be"):
        measure(Bench(model, fewer, TINY), [], path, silent)
    path.write_text(path.read_text() + "{")
    with pytest.raises(ValueError, match=r"rows\.jsonl: not rows of secateur bench selectors"):
        measure(bench, [], path, silent)


def test_file_is_one_head_and_rows_as_json_lines(bench, tmp_path):
    path = tmp_path / "rows.jsonl"
    rows = measure(bench, [Case("l1", "kernel", 0.5, 1)], path, silent)
    assert list(map(json.loads, path.read_text().splitlines())) == rows
    assert rows[0]["protocol"]["train_images"] == 256
    assert rows[0]["data"]["train"] == 256


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"of": "cycles"}, "of must be weights or macs, not 'cycles'"),
        ({"masks": 9}, "masks must be at least 10, not 9"),
        ({"images": 0}, "images must be at least 1, not 0"),
        ({"train_images": 10}, "train_images must be at least 64, not 10"),
    ],
)
def test_numbers_out_of_range(changes, sentence):
    with pytest.raises(ValueError, match=f"^{sentence}$"):
        Protocol(**changes)


def test_pictures_of_another_shape(model, data):
    other = dataclasses.replace(data, pixels=pixels_of((3, 8, 8)))
    with pytest.raises(ValueError, match=r"^pictures must be \(1, 8, 8\) as the model's, not"):
        Bench(model, other, TINY)


def test_ratio_out_of_range():
    with pytest.raises(ValueError, match=r"^ratio must be above 0 and below 1, not 1\.0$"):
        Case("l1", "kernel", 1.0, 1)
