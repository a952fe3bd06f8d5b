from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hw.layers import NAME
from pruning.tracing import trace
from tests.pruning.imports import SHAPE, Model, conv, imported, shaken


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_an_activation_in_place_counts_for_all_that_read_its_maps():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.conv(x)
        F.relu_(y)  # the result is not used
        z = y
        y += 1
        return z + m.second(y)

    imported(Model(forward, conv=conv(), second=conv(4)), SHAPE)


def test_a_copy_does_not_change_with_its_maps():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        y = m.conv(x)
        z = y.clone()
        y.relu_()
        return y + m.second(z)

    imported(Model(forward, conv=conv(), second=conv(4)), SHAPE)


def test_a_module_that_is_called_twice_is_two_layers():
    def forward(m: Any, x: torch.Tensor) -> torch.Tensor:
        return m.relu(m.bn(m.conv(m.relu(m.bn(m.conv(x))))))

    model = shaken(Model(forward, conv=conv(3, 3), bn=nn.BatchNorm2d(3), relu=nn.ReLU()))
    network = imported(model, SHAPE)
    assert [(layer.name, layer.place) for layer in network.layers] == [
        ("conv", "conv"),
        ("conv_2", "conv 2"),
    ]


def test_names_are_identifiers_and_unique():
    long = Model(lambda m, x: m.part(x), part=nn.Sequential(conv(), conv(4)))
    for _ in range(20):
        long = Model(lambda m, x: m.part(x), part=long)
    model = nn.ModuleDict({"0": conv(), "ä-b": conv(4), "input": conv(4), "ä_b": conv(4)})
    network = imported(
        Model(
            lambda m, x: m.long(_through(m.parts, x)),
            long=nn.Sequential(conv(4, 3), long),
            parts=model,
        ),
        SHAPE,
    )
    names = [layer.name for layer in network.layers]
    assert all(NAME.fullmatch(name) for name in names)
    assert len({*names, "input"}) == len(names) + 1


def _through(parts: nn.ModuleDict, x: torch.Tensor) -> torch.Tensor:
    for part in parts.values():
        x = part(x)
    return x


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(conv(), nn.BatchNorm2d(4))
        self.unused = nn.SiLU()
        self.linear = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.features(x)
        self.unused(y)
        y = F.max_pool2d(y, 2) + F.avg_pool2d(y, 2)
        return self.linear(y.mean((2, 3)))


def test_nodes_have_a_place_a_shape_and_parameters():
    graph = trace(Small(), torch.zeros(5, *SHAPE))
    found = [(n.name, n.place, n.shape, [i.name for i in n.inputs]) for n in graph.nodes]
    assert found == [
        ("input", "input", (3, 8, 8), []),
        ("features_0", "features.0", (4, 8, 8), ["input"]),
        ("features_1", "features.1", (4, 8, 8), ["features_0"]),
        ("max_pool2d", "max_pool2d", (4, 4, 4), ["features_1"]),
        ("avg_pool2d", "avg_pool2d", (4, 4, 4), ["features_1"]),
        ("add", "add", (4, 4, 4), ["max_pool2d", "avg_pool2d"]),
        ("mean", "mean", (4,), ["add"]),
        ("linear", "linear", (2,), ["mean"]),
    ]
    parameters = {node.name: node.parameters for node in graph.nodes if node.parameters}
    assert parameters == {
        "features_0": {"weight": "features.0.weight", "bias": "features.0.bias"},
        "features_1": {
            "mean": "features.1.running_mean",
            "variance": "features.1.running_var",
            "weight": "features.1.weight",
            "bias": "features.1.bias",
        },
        "linear": {"weight": "linear.weight", "bias": "linear.bias"},
    }


def test_readers_are_the_nodes_that_take_a_result():
    graph = trace(Small(), torch.zeros(1, *SHAPE))
    nodes = {node.name: node for node in graph.nodes}
    readers = {name: [r.name for r in graph.readers[node]] for name, node in nodes.items()}
    assert readers["features_1"] == ["max_pool2d", "avg_pool2d"]
    assert readers["linear"] == []
    alone = [name for name, node in nodes.items() if graph.feeds_one(node)]
    assert alone == ["input", "features_0", "max_pool2d", "avg_pool2d", "add", "mean"]


def test_results_are_those_of_the_model():
    model, x = shaken(Small()).eval(), torch.rand(1, *SHAPE)
    graph = trace(model, x)
    (result,) = graph.results
    torch.testing.assert_close(result, model.double()(x.double()), rtol=1e-12, atol=1e-12)
    assert graph.outputs == graph.nodes[-1:]


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 3, 8), (0, 3, 8, 8)])
def test_an_example_must_be_a_batch_of_pictures(shape: tuple[int, ...]):
    sentence = rf"^example must have shape \(N, C, H, W\), not \({', '.join(map(str, shape))}\)$"
    with pytest.raises(ValueError, match=sentence):
        trace(Small(), torch.zeros(shape))
