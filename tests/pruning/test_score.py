from fractions import Fraction

import numpy as np
import pytest
import torch

from pruning import score, zoo
from pruning.constraints import NONE, Constraints
from pruning.data import DataSet, Pixels, Split
from pruning.evaluate import errors
from pruning.granularities import GRANULARITIES, units
from pruning.graph_module import GraphModule
from pruning.masks import masked
from pruning.models import Model, model_of
from pruning.score import Scorer
from pruning.selectors.problem import draw

HALF = Fraction(1, 2)


def expected(model: Model, chosen, masks, split: Split) -> list[int]:
    """Errors of the whole model with zeros for weights, without any of what makes scores fast."""
    found = model.module.graph
    modules = [GraphModule(masked(found, chosen, each)) for each in masks]
    return [errors(module, model.pixels, split) for module in modules]


def best_of(counts: list[int]) -> tuple[int, int]:
    return int(np.argmin(counts)), min(counts)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_scores_are_errors_of_the_masked_model(trained: Model, digits: DataSet, granularity: str):
    chosen = units(trained.module.graph, granularity, HALF)
    rng = np.random.default_rng(0)
    masks = [draw(chosen, rng) for _ in range(12)]
    counts = expected(trained, chosen, masks, digits.validation)
    scorer = Scorer(trained, chosen, digits.validation)
    assert scorer.scores(masks) == counts
    assert scorer.best(masks) == best_of(counts)
    assert [scorer.errors(each) for each in masks[:2]] == counts[:2]
    assert len(set(counts)) > 1


@pytest.fixture(scope="module")
def residual() -> tuple[Model, Split]:
    """A residual network of random weights, and pictures with what it says of them as labels."""
    module = zoo.build("resnet8", 3).eval()
    rng = np.random.default_rng(0)
    for name, value in module.state_dict().items():
        if name.endswith("running_var"):
            value.copy_(torch.from_numpy(rng.random(value.shape) + 0.1))
    model = model_of(module, Pixels((3, 32, 32), 8, (1 / 60,) * 3, (128,) * 3))
    images = rng.integers(0, 256, (70, 3, 32, 32)).astype(np.uint8)
    labels = np.arange(70) % 10
    return model, Split(images, labels)


@pytest.mark.parametrize(
    ("granularity", "constraints"),
    [
        ("feature-map", NONE),  # of shortcuts, too
        ("kernel", NONE),
        ("kernel", "last"),
        ("feature-map", "last"),
        ("intra-kernel", "last"),
    ],
)
def test_scores_of_a_residual_network(
    residual: tuple[Model, Split], granularity: str, constraints: Constraints | str
):
    model, split = residual
    found = model.module.graph
    layers = [
        node for node in found.nodes if len(node.tensors.get("weight", torch.ones(1)).shape) == 4
    ]
    if isinstance(constraints, str):
        inner = [node.name for node in layers if node.tensors["weight"].shape[2] == 3][-2:]
        constraints = Constraints(layers=(inner[granularity != "feature-map"],))
    chosen = units(found, granularity, HALF, constraints)
    rng = np.random.default_rng(1)
    masks = [draw(chosen, rng) for _ in range(5)]
    counts = expected(model, chosen, masks, split)
    scorer = Scorer(model, chosen, split)
    assert scorer.scores(masks) == counts
    assert scorer.best(masks) == best_of(counts)


def test_scores_do_not_depend_on_what_is_scored_together(trained: Model, digits: DataSet):
    chosen = units(trained.module.graph, "kernel", HALF, Constraints(layers=("conv3",)))
    rng = np.random.default_rng(0)
    masks = [draw(chosen, rng) for _ in range(9)]
    scorer = Scorer(trained, chosen, digits.validation)
    assert scorer.sums is not None
    counts = scorer.scores(masks)
    assert [scorer.errors(each) for each in masks] == counts
    scorer.batch = 7
    assert scorer.scores(masks[::-1]) == counts[::-1]


def test_logits_that_are_too_close_are_decided_in_float64(trained: Model, digits: DataSet):
    """All classes have the same weights but for 1e-9: float32 cannot tell them apart."""
    module = GraphModule(trained.module.graph)
    last = next(n for n in reversed(module.structure.nodes) if "weight" in n.tensors)
    weight = module.get_parameter(last.key("weight"))
    bias = module.get_parameter(last.key("bias"))
    with torch.no_grad():
        weight.copy_(weight[:1].expand_as(weight).clone())
        bias.copy_(torch.arange(len(bias)) * 1e-12)
    model = Model(module, trained.pixels)
    chosen = units(module.graph, "kernel", HALF, Constraints(layers=("conv3",)))
    masks = [draw(chosen, np.random.default_rng(0))]
    split = digits.validation[slice(0, 40)]
    largest = len(bias) - 1
    assert Scorer(model, chosen, split).scores(masks) == [int((split.labels != largest).sum())]


def test_there_must_be_masks(trained: Model, digits: DataSet):
    chosen = units(trained.module.graph, "kernel", HALF)
    with pytest.raises(ValueError, match=r"^masks must be at least one, not none$"):
        Scorer(trained, chosen, digits.validation).best([])


@pytest.mark.parametrize("batch", [20, 1000])
def test_the_best_is_the_first_whatever_is_held_at_a_time(
    trained: Model, digits: DataSet, monkeypatch: pytest.MonkeyPatch, batch: int
):
    monkeypatch.setattr(score, "GROUP", 6)
    chosen = units(trained.module.graph, "feature-map", HALF)
    rng = np.random.default_rng(5)
    masks = [draw(chosen, rng) for _ in range(20)]
    scorer = Scorer(trained, chosen, digits.validation)
    counts = scorer.scores(masks)
    masks.insert(3, masks[int(np.argmin(counts))])  # a tie, in another group
    scorer.batch = batch
    assert scorer.scores(masks) == [*counts[:3], min(counts), *counts[3:]]
    assert scorer.best(masks) == (min(3, int(np.argmin(counts))), min(counts))
