from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from pruning import zoo
from pruning.data import DataSet, Pixels
from pruning.evaluate import normalise
from pruning.graph import Convolution, Node, Operation
from pruning.graph_module import GraphModule
from pruning.learner import Learner, living
from pruning.models import Model, model_of
from pruning.prune import prune
from pruning.recipe import Recipe

CPU = torch.device("cpu")


def batch_of(data: DataSet, count: int = 40) -> tuple[np.ndarray, torch.Tensor]:
    return data.train.images[:count], torch.from_numpy(data.train.labels[:count])


def test_a_step_is_the_step_of_the_formula(digits: DataSet) -> None:
    """Nesterov: b = m b + g; w -= rate (g + m b), where g is the gradient and decay times w."""
    linear = nn.Linear(64, 10)
    model = model_of(nn.Sequential(nn.Flatten(), linear), digits.pixels)
    images, labels = batch_of(digits)
    x = normalise(images, digits.pixels).flatten(1)
    weight = linear.weight.detach().clone()
    bias, buffer = linear.bias.detach(), torch.zeros_like(weight)
    learner = Learner(model, Recipe(epochs=1, momentum=0.9, decay=0.1), CPU)
    offset, offset_buffer = bias.clone(), torch.zeros_like(bias)
    for rate in (0.5, 0.25):
        learner.module.train()
        learner.step(images, labels, rate, len(images))
        error = (x @ weight.T + offset).softmax(1) - functional.one_hot(labels, 10)
        gradient = error.T @ x / len(x) + 0.1 * weight
        buffer = 0.9 * buffer + gradient
        weight = weight - rate * (gradient + 0.9 * buffer)
        gradient = error.mean(0) + 0.1 * offset
        offset_buffer = 0.9 * offset_buffer + gradient
        offset = offset - rate * (gradient + 0.9 * offset_buffer)
    state = learner.module.state_dict()
    torch.testing.assert_close(state["1.weight"], weight, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(state["1.bias"], offset, rtol=1e-5, atol=1e-6)


def test_pruned_weights_stay_where_they_are(trained: Model, digits: DataSet) -> None:
    pruned = prune(trained, digits, ratio=0.6, granularity="weight")
    alive = living(pruned.module)
    assert set(alive) == {"conv2.weight", "conv3.weight"}
    before = {key: value.clone() for key, value in pruned.module.state_dict().items()}
    learner = Learner(pruned, Recipe(epochs=1, momentum=0.9, decay=0.2), CPU)
    learner.module.train()
    images, labels = batch_of(digits)
    for _ in range(5):
        learner.step(images, labels, 0.1, len(images))
    after = learner.module.state_dict()
    for key, mask in alive.items():
        assert not mask.all()
        assert torch.equal(after[key][~mask], before[key][~mask])
        assert (after[key][mask] != before[key][mask]).all()
        gradient = learner.module.get_parameter(key).grad
        assert gradient is not None
        assert not gradient[~mask].any()
    zeroed = {k: v * alive[k] if k in alive else v for k, v in after.items()}
    x = normalise(images, digits.pixels)
    learner.module.eval()
    expected = learner.module(x)
    learner.module.load_state_dict(zeroed)
    assert torch.equal(learner.module(x), expected)


def masked(model: Model, masks: list[torch.Tensor]) -> GraphModule:
    """Mask the first layers by masks (O, C)."""
    found = model.module.graph
    left = dict(zip((node.name for node in found.nodes[1:]), masks, strict=False))

    def operation(node: Node) -> Operation:
        if isinstance(node.operation, Convolution) and node.name in left:
            return replace(node.operation, mask=left[node.name][:, :, None, None])
        return node.operation

    return GraphModule(found.changed(operation))


def test_a_weight_that_two_layers_share_lives_where_either_reads_it() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Conv2d(2, 2, 1, bias=False)
            self.b = nn.Conv2d(2, 2, 1, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.b(self.a(x)).flatten(1)

    model = model_of(Twice(), Pixels((2, 1, 1), 8, (1.0, 1.0)))
    masks = [
        torch.tensor([[True, False], [False, False]]),
        torch.tensor([[False, False], [True, False]]),
    ]
    module = masked(model, masks[:1])
    assert living(module) == {}  # the other one reads all of it
    (alive,) = living(masked(model, masks)).values()
    assert torch.equal(alive[:, :, 0, 0], masks[0] | masks[1])


def test_a_teacher_is_imitated(trained: Model, digits: DataSet) -> None:
    """With all of the loss, the labels decide nothing."""
    small = model_of(zoo.build("chain", 3, widths=(3, 4), pools=(1,)), digits.pixels)
    images, labels = batch_of(digits)
    recipe = Recipe(epochs=1, distil=1.0, temperature=2.0)
    states, losses = [], []
    for given in (labels, (labels + 1) % 10):
        learner = Learner(small, recipe, CPU, trained)
        learner.module.train()
        losses = [float(learner.step(images, given, 0.05, len(images))) for _ in range(30)]
        states.append(learner.module.state_dict())
        assert losses[-1] < 0.8 * losses[0]
    for key, tensor in states[0].items():
        assert torch.equal(tensor, states[1][key])
    assert not trained.module.training


def test_layers_compute_in_fewer_bits(trained: Model, digits: DataSet) -> None:
    """The path of a GPU, on the CPU: bfloat16 has 8 bits of precision."""
    images, labels = batch_of(digits)
    losses, weights = [], []
    for mixed in (False, True):
        learner = Learner(trained, Recipe(epochs=1, mixed=mixed), CPU, trained)
        learner.module.train()
        losses.append(float(learner.step(images, labels, 0.01, len(images))))
        state = learner.module.state_dict()
        assert {t.dtype for t in state.values() if t.is_floating_point()} == {torch.float32}
        weights.append(state["conv2.weight"])
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-3)
