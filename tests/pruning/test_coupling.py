from typing import Any

import numpy as np
import pytest
import torch
import torch_pruning
from torch import nn

from pruning import zoo
from pruning.coupling import Coupling, made_by, makes, read_by
from pruning.graph import Graph
from pruning.importing import graph_of
from tests.pruning.imports import Model, conv, pixels

SHAPE = (3, 8, 8)


def coupled(module: nn.Module, shape: tuple[int, int, int] = SHAPE) -> Coupling:
    return Coupling(graph_of(module, pixels(shape)))


def groups(coupling: Coupling) -> dict[tuple[str, ...], int]:
    """Number of maps by the places of the layers that make them."""
    found = coupling.groups().items()
    return {tuple(node.place for node in nodes): len(numbers) for nodes, numbers in found}


def test_a_chain_has_a_group_for_each_layer_but_the_last():
    module = nn.Sequential(conv(3, 6), nn.ReLU(), conv(6, 5), nn.Flatten(), nn.Linear(320, 7))
    assert groups(coupled(module)) == {("0",): 6, ("2",): 5}


def test_shortcuts_of_option_a_couple_the_stages():
    found = groups(coupled(zoo.build("resnet20"), (3, 32, 32)))
    stages = {n: tuple(f"layer{n}.{block}.conv2" for block in range(3)) for n in (1, 2, 3)}
    inner = {(f"layer{n}.{b}.conv1",): 8 << n for n in (1, 2, 3) for b in range(3)}
    assert found == inner | {
        ("conv1", *stages[1], *stages[2], *stages[3]): 16,
        (*stages[2], *stages[3]): 16,
        stages[3]: 32,
    }


def test_concat_couples_nothing_and_depthwise_couples_what_it_reads():
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        y = torch.cat((self.a(x), self.b(x)), 1)
        return self.last(self.depthwise(y))

    parts = {"a": conv(3, 2), "b": conv(3, 3), "last": conv(10, 4)}
    module = Model(forward, depthwise=conv(5, 10, groups=5), **parts)
    coupling = coupled(module)
    assert groups(coupling) == {("a", "depthwise"): 2, ("b", "depthwise"): 3}
    depthwise = next(n for n in coupling.graph.nodes if n.name == "depthwise")
    made = coupling.maps[depthwise]
    np.testing.assert_array_equal(made[::2], made[1::2])  # two maps of each


def test_groups_of_a_convolution_stay_of_one_size():
    module = nn.Sequential(conv(3, 8), conv(8, 6, groups=2), conv(6, 2))
    assert groups(coupled(module)) == {("0",): 4, ("1",): 3}


def test_layers_of_the_same_weights_are_coupled():
    module = Model(lambda self, x: self.d(self.c(self.b(self.c(self.a(x))))), a=conv(3, 4))
    for name, part in (("b", conv(4, 4)), ("c", conv(4, 4)), ("d", conv(4, 2))):
        module.add_module(name, part)
    assert groups(coupled(module)) == {("a", "b"): 4, ("c", "c 2"): 4}


def test_operations_of_the_same_normalisation_or_bias_are_coupled():
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        y = torch.cat((self.bn(self.a(x)), self.bn(self.b(x))), 1)
        z = nn.functional.conv2d(x, self.c.weight, self.d.bias, padding=1)
        return self.last(torch.cat((y, z, self.d(x)), 1))

    parts = {name: conv(3, 4) for name in "abcd"} | {"last": conv(16, 2)}
    found = groups(coupled(Model(forward, bn=nn.BatchNorm2d(4), **parts)))
    assert found == {("a", "b"): 4, ("conv2d", "d"): 4}


def test_weights_that_are_shared_must_read_as_many_channels():
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        y = nn.functional.conv2d(x, self.a.weight, groups=3)
        return y + nn.functional.conv2d(self.b(x), self.a.weight)

    module = Model(forward, a=conv(1, 3), b=conv(3, 1))
    with pytest.raises(ValueError, match=r"^layer 'conv2d 2' must read 3 channels, as .*, not 1$"):
        coupled(module)


def test_outputs_and_pictures_stay():
    def forward(self: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.a(x)
        return y, self.b(y) + x

    assert groups(coupled(Model(forward, a=conv(3, 4), b=conv(4, 3)))) == {}


def test_weights_meet_the_channels_that_they_read_and_make():
    module = nn.Sequential(conv(3, 4), conv(4, 6, groups=2), nn.Flatten(), nn.Linear(384, 2))
    coupling = coupled(module)
    first, grouped, linear = (node for node in coupling.graph.nodes if makes(node))
    read = read_by(grouped, coupling.maps[first])
    assert read.shape == made_by(grouped, coupling.maps[grouped]).shape == (6, 2, 3, 3)
    np.testing.assert_array_equal(read[0, :, 0, 0], coupling.maps[first][:2])
    np.testing.assert_array_equal(read[5, :, 2, 2], coupling.maps[first][2:])
    flat = read_by(linear, coupling.maps[linear.inputs[0]])
    np.testing.assert_array_equal(flat[1, ::64], coupling.maps[grouped])


def independent(module: nn.Module, shape: tuple[int, ...], layer: str, channel: int) -> set:
    """What Torch-Pruning removes with an output: layers, sides and channels."""
    example = torch.randn(1, *shape)
    graph = torch_pruning.DependencyGraph().build_dependency(module, example)
    part = module.get_submodule(layer)
    prune = (
        torch_pruning.prune_conv_out_channels
        if isinstance(part, nn.Conv2d)
        else torch_pruning.prune_linear_out_channels
    )
    names = {each: name for name, each in module.named_modules()}
    found = set()
    for dependency, indices in graph.get_pruning_group(part, prune, idxs=[channel]):
        target = dependency.target.module
        if isinstance(target, nn.Conv2d | nn.Linear):
            side = "out" if "out" in dependency.handler.__name__ else "in"
            if isinstance(target, nn.Conv2d) and target.groups > 1:
                side = "out"  # what it reads is what it makes
            found |= {(names[target], side, index) for index in indices}
    return found


def ours(found: Graph, coupling: Coupling, layer: str, channel: int) -> set:
    node = next(node for node in found.nodes if node.place == layer)
    number = coupling.maps[node][channel]
    removed = set()
    for other in found.nodes:
        if makes(other):
            for index in np.flatnonzero(coupling.maps[other] == number):
                removed.add((other.place, "out", int(index)))
            if getattr(other.operation, "groups", 1) == 1:
                for index in np.flatnonzero(coupling.maps[other.inputs[0]] == number):
                    removed.add((other.place, "in", int(index)))
    return removed


def branches() -> nn.Module:
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        y = self.stem(x)
        y = torch.cat((self.left(y), self.right(y)), 1)
        return self.head((self.mix(y) + self.side(y)).mean((2, 3)))

    return Model(
        forward,
        stem=conv(3, 6),
        left=conv(6, 4),
        right=conv(6, 5),
        mix=conv(9, 8),
        side=conv(9, 8, 1),
        head=nn.Linear(8, 3),
    )


@pytest.mark.filterwarnings("ignore")  # Torch-Pruning's own
@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (zoo.build("lenet5"), (1, 28, 28)),
        (zoo.build("resnet8"), (3, 32, 32)),
        (zoo.build("vgg16"), (3, 32, 32)),
        (zoo.build("ds-cnn"), (1, 49, 10)),
        (branches(), SHAPE),
    ],
)
def test_torch_pruning_removes_the_same(module: nn.Module, shape: tuple[int, int, int]):
    found = graph_of(module, pixels(shape))
    coupling, compared = Coupling(found), 0
    for nodes, numbers in coupling.groups().items():
        for channel in {0, len(numbers) // 2, len(numbers) - 1}:
            layer = nodes[0].place
            expected = independent(module, shape, layer, channel)
            assert ours(found, coupling, layer, channel) == expected
            compared += 1
    assert compared >= 6
