from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from pruning import zoo
from pruning.checkpoint import load_model
from pruning.data import DataSet
from pruning.models import Model, model_of
from pruning.prune import prune
from pruning.schedules import prune_and_train
from pruning.selectors import Probabilistic, RandomMasks
from pruning.train import train
from tests.pruning.scripts import kill_at, part_of

SHORT = {"epochs": 1, "rate": 0.02, "batch": 32}
OPTIONS: Mapping[str, Any] = {
    "training": {"epochs": 40, "rate": 0.02, "batch": 32},
    "between": {"epochs": 20, "augment": True},
    "steps": 2,
    "granularity": "kernel",
    "selector": RandomMasks(2),
    "seed": 5,
}
SCRIPT = """
import torch
torch.set_num_threads(1)
from pruning.data import load
from pruning.schedules import prune_and_train
from tests.pruning.scripts import part_of
from tests.pruning.test_schedules import dense, OPTIONS

data = part_of(load("digits"))
prune_and_train(dense(data), data, folder={folder!r}, **OPTIONS,
                progress=lambda stage, done, total, message: print(stage, done, total))
"""


@pytest.fixture(scope="module")
def data(digits: DataSet) -> DataSet:
    return part_of(digits)


def dense(data: DataSet) -> Model:
    return model_of(zoo.build("chain", 0, widths=(4, 6, 8), pools=(1,)), data.pixels)


def assert_equal(one: Model, other: Model) -> None:
    assert one.module.state_dict().keys() == other.module.state_dict().keys()
    for key, value in one.module.state_dict().items():
        assert torch.equal(value, other.module.state_dict()[key]), key
    assert one.facts == other.facts


def test_one_shot_is_pruning_and_training(data: DataSet):
    model = dense(data)
    found = prune_and_train(model, data, training=SHORT, selector=RandomMasks(2), seed=3)
    small = prune(model, data, selector=RandomMasks(2), seed=3)
    by_hand = train(small, data, seed=3, **SHORT)
    for key, value in by_hand.module.state_dict().items():
        assert torch.equal(found.module.state_dict()[key], value)
    macs = {"before": model.macs, "after": small.macs}
    kept = small.facts["prune"]["kept"]
    assert found.facts["schedule"] == {"steps": 1, "kept": [kept], "macs": macs}


@pytest.mark.parametrize(
    ("granularity", "share", "kept"),
    [
        # of 6 and 8 maps, 1/8 ** (1/3) = 1/2, then 1/4, then 1/8
        ("feature-map", Fraction(1, 8), [(3, 4), (1, 2), (1, 1)]),
        ("kernel", Fraction(1, 8), [(12, 24), (6, 12), (3, 6)]),
        ("column", Fraction(27, 64), [(27, 40), (20, 30), (15, 22)]),  # of 36 and 54: 3/4
        ("weight", Fraction(1, 8), [(108, 216), (54, 108), (27, 54)]),
    ],
)
def test_shares_shrink_geometrically(data: DataSet, granularity: str, share: Fraction, kept: list):
    found = prune_and_train(
        dense(data),
        data,
        training=SHORT,
        steps=3,
        granularity=granularity,
        shares=share,
        selector=RandomMasks(1),
    )
    assert [tuple(step.values()) for step in found.facts["schedule"]["kept"]] == kept
    once = prune(dense(data), data, granularity=granularity, shares=share, selector=RandomMasks(1))
    assert tuple(once.facts["prune"]["kept"].values()) == kept[-1]
    assert found.macs == once.macs


def test_epochs_are_logged_with_their_step(data: DataSet):
    rows: list[tuple[int, int]] = []
    training = {**SHORT, "epochs": 2}
    options = {"training": training, "between": SHORT, "steps": 2, "selector": RandomMasks(2)}
    prune_and_train(dense(data), data, **options, log=lambda *row: rows.append(row[:2]))
    assert rows == [(1, 1), (2, 1), (2, 2)]


def test_what_was_pruned_does_not_come_back(data: DataSet, tmp_path: Path):
    options = {"training": SHORT, "steps": 3, "granularity": "kernel", "selector": RandomMasks(1)}
    found = prune_and_train(dense(data), data, ratio=0.7, folder=tmp_path, **options)
    masks = []
    for step in (1, 2, 3):
        model = load_model(tmp_path / f"step-{step}.pruned.safetensors")
        masks.append({k: v for k, v in model.module.state_dict().items() if k.endswith(":mask")})
    for before, after in pairwise(masks):
        for key in ("conv2:mask", "conv3:mask"):
            assert not (after[key] & ~before[key]).any()
            assert after[key].sum() < before[key].sum()
    for key, mask in masks[-1].items():
        assert torch.equal(found.module.state_dict()[key], mask)


def test_progressive_pruning_is_one_step(data: DataSet):
    selector = Probabilistic(A=0.5, t=2, iterations=200, batch=32)
    found = prune_and_train(
        dense(data), data, training=SHORT, granularity="column", selector=selector, ratio=0.5
    )
    assert found.facts["prune"]["selector"] == "probabilistic"
    assert found.macs <= dense(data).macs / 2


def test_a_schedule_goes_on_after_a_kill(data: DataSet, tmp_path: Path):
    """Killed in the training behind the second step."""
    script = SCRIPT.format(folder=str(tmp_path / "killed"))
    printed = kill_at(script, "train 3 40")
    assert printed[-4:] == ["prune 2 2", "train 1 40", "train 2 40", "train 3 40"]
    said = []
    resumed = prune_and_train(
        dense(data),
        data,
        folder=tmp_path / "killed",
        progress=lambda *words: said.append(words[:3]),
        **OPTIONS,
    )
    assert said[0] in (("train", 4, 40), ("train", 5, 40))
    assert_equal(resumed, prune_and_train(dense(data), data, folder=tmp_path / "whole", **OPTIONS))


def test_other_arguments_are_named(data: DataSet, tmp_path: Path):
    options = {"training": SHORT, "selector": RandomMasks(2), "folder": tmp_path}
    prune_and_train(dense(data), data, **options)
    for changes, sentence in (
        ({"selector": RandomMasks(3)}, r"selector\.candidates must be 2, not 3$"),
        ({"training": {**SHORT, "rate": 0.1}}, r"training\.rate must be 0\.02, not 0\.1$"),
        ({"training": {**SHORT, "momentum": 0}}, r"training\.momentum must be None, not 0$"),
        ({"ratio": 0.6}, r"budget must be 'macs=0\.5', not 'macs=0\.4'$"),
        ({"steps": 2}, r"steps must be 1, not 2$"),
        ({"granularity": "kernel"}, r"granularity must be 'feature-map', not 'kernel'$"),
        ({"shares": {"conv2": Fraction(1, 3)}}, r"share\.conv2 must be '1/2', not '1/3'$"),
    ):
        with pytest.raises(ValueError, match=rf"^{tmp_path}: " + sentence):
            prune_and_train(dense(data), data, **{**options, **changes})


def test_steps_out_of_range(data: DataSet):
    with pytest.raises(ValueError, match=r"^steps must be at least 1, not 0$"):
        prune_and_train(dense(data), data, training=SHORT, steps=0)
    sentence = r"^steps must be 1 for intra-kernel, whose grids do not nest, not 2$"
    with pytest.raises(ValueError, match=sentence):
        prune_and_train(dense(data), data, training=SHORT, steps=2, granularity="intra-kernel")
