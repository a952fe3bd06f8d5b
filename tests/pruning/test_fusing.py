import numpy as np
import pytest
import torch

from pruning import graph, zoo
from pruning.data import Pixels
from pruning.fusing import fused
from pruning.graph_module import compute
from pruning.models import model_of


def randomised(module: torch.nn.Module, seed: int) -> torch.nn.Module:
    random = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if name.endswith(("running_mean", "running_var", "bias")):
            value.copy_(torch.rand(value.shape, generator=random) + 0.5)
    return module.eval()


@pytest.mark.parametrize("name", ["resnet8", "ds-cnn", "chain", "mlp"])
def test_the_fused_graph_computes_the_same_without_normalisation(name: str):
    shape = zoo.SHAPES[name]
    module = randomised(zoo.build(name, 1), 2)
    found = model_of(module, Pixels(shape, 8, (1 / 255,) * shape[0])).module.graph
    smaller = fused(found)
    norms = [node for node in smaller.nodes if isinstance(node.operation, graph.Norm)]
    assert not norms
    x = torch.from_numpy(np.random.default_rng(0).random((3, *shape), np.float32))
    tensors = {n.key(k): v for n in smaller.nodes for k, v in n.tensors.items()}
    with torch.no_grad():
        (y,) = compute(smaller.nodes[1:], {smaller.nodes[0]: x}, smaller.outputs, tensors).values()
        expected = module(x)
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-4)


class Twice(torch.nn.Module):
    """A convolution whose result is read beside its normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.norm(y) + y


def test_what_others_read_is_not_changed():
    found = model_of(randomised(Twice(), 0), Pixels((1, 5, 5), 8, (1.0,))).module.graph
    kinds = [type(node.operation) for node in fused(found).nodes]
    assert kinds == [type(node.operation) for node in found.nodes]
