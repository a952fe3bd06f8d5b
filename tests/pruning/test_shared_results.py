from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pruning import shared_results
from pruning.data import DataSet, Pixels
from pruning.evaluate import normalise
from pruning.granularities import units
from pruning.graph_module import GraphModule, compute
from pruning.models import Model, model_of
from pruning.selectors.problem import draw
from pruning.shared_results import results
from pruning.variants import Variants


def test_what_variants_share_is_computed_once(
    trained: Model, digits: DataSet, monkeypatch: pytest.MonkeyPatch
):
    found = trained.module.graph
    chosen = units(found, "kernel", Fraction(1, 2))
    rng = np.random.default_rng(0)
    first, second = draw(chosen, rng), draw(chosen, rng)
    *early, late = (unit.name for unit in chosen)
    assert early
    mixed = {**first, late: second[late]}
    made = Variants(found, chosen)
    variants = [made.variant(masks) for masks in (first, mixed, second, mixed)]
    computed: list[str] = []

    def counted(nodes, *args):
        computed.extend(node.name for node in nodes)
        return compute(nodes, *args)

    monkeypatch.setattr(shared_results, "compute", counted)
    x = normalise(digits.validation.images[:30], trained.pixels)
    tensors = {n.key(name): value for n in made.stem.nodes for name, value in n.tensors.items()}
    stem = compute(made.stem.nodes[1:], {made.stem.nodes[0]: x}, made.stem.outputs, tensors)
    with torch.no_grad():
        sources = {node.name: value for node, value in stem.items()}
        logits = list(results(variants, sources))
    assert [computed.count(name) for name in early] == [2] * len(early)
    assert computed.count(late) == 3
    torch.testing.assert_close(logits[1], logits[3], rtol=0, atol=0)
    assert not torch.equal(logits[0], logits[1])


class Aliases(nn.Module):
    """Results that are views of others, or are read twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.drop = nn.Conv2d(1, 3, 3), nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        same, limited = self.drop(y), functional.relu(y)
        twice = limited + limited
        return same + twice + functional.relu(same)


def test_nothing_that_is_read_again_is_overwritten():
    module = Aliases().eval()
    model = model_of(module, Pixels((1, 6, 6), 8, (1.0,)))
    x = torch.randn(2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    with torch.no_grad():
        y = model.module(x)
        assert isinstance(model.module, GraphModule)
        torch.testing.assert_close(y, module(x))
    torch.testing.assert_close(x, before, rtol=0, atol=0)
