"""A model in training: its copy, the optimiser, and one step of stochastic gradient descent."""

import copy
from collections.abc import Mapping

import numpy as np
import torch

from pruning import processes
from pruning.coupling import makes
from pruning.evaluate import normalise
from pruning.graph_module import GraphModule
from pruning.losses import cross_entropy
from pruning.models import Model
from pruning.recipe import Recipe


class Learner:
    """A copy of a model that learns.

    Weights that a mask prunes keep their values: no gradient, momentum or decay moves them.

    Parameters
    ----------
    model : Model
        Stays as it is.
    recipe : Recipe
    device : torch.device
    teacher : Model, optional
    """

    def __init__(
        self, model: Model, recipe: Recipe, device: torch.device, teacher: Model | None = None
    ) -> None:
        self.recipe, self.device, self.pixels = recipe, device, model.pixels
        self.mixed = device.type == "cuda" if recipe.mixed is None else recipe.mixed
        self.module = copy.deepcopy(model.module).to(device)
        self.teacher = None if teacher is None else copy.deepcopy(teacher.module).to(device).eval()
        self.optimiser = torch.optim.SGD(
            self.module.parameters(),
            lr=recipe.rate,
            momentum=recipe.momentum,
            weight_decay=recipe.decay,
            nesterov=recipe.momentum > 0,
        )
        self._parallel = processes.parallel(self.module)

    def step(
        self, pictures: np.ndarray, labels: torch.Tensor, rate: float, batch: int
    ) -> torch.Tensor:
        """Learn from a part (N, C, H, W) of a batch of pictures; return its part of the loss."""
        x, labels = normalise(pictures, self.pixels).to(self.device), labels.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed):
            scores = self._parallel(x)
            with torch.no_grad():
                taught = None if self.teacher is None else self.teacher(x).float()
        recipe = self.recipe
        loss = cross_entropy(scores.float(), labels, taught, recipe.distil, recipe.temperature)
        self.optimiser.zero_grad()
        (loss * (len(labels) * processes.count() / batch)).backward()  # gradients become means
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        alive = living(self.module)
        before = {key: self.module.get_parameter(key).detach().clone() for key in alive}
        self.optimiser.step()
        with torch.no_grad():
            for key, mask in alive.items():
                weight = self.module.get_parameter(key)
                weight.copy_(torch.where(mask, weight, before[key]))
        return loss.detach() * len(labels) / batch

    def state(self) -> dict[str, torch.Tensor]:
        """Everything that a step changes: weights, statistics and momentum, by key."""
        found = {f"module.{key}": tensor for key, tensor in self.module.state_dict().items()}
        for key, parameter in self.module.named_parameters():
            for name, tensor in self.optimiser.state[parameter].items():
                if tensor is not None:
                    found[f"{name}.{key}"] = tensor
        return found

    def load(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a state."""
        prefix = "module."
        own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        self.module.load_state_dict(own)
        name = "momentum_buffer"
        for key, parameter in self.module.named_parameters():
            if f"{name}.{key}" in state:
                self.optimiser.state[parameter][name] = state[f"{name}.{key}"].to(self.device)


def living(module: GraphModule) -> dict[str, torch.Tensor]:
    """Weights with a mask, by key: the places that it leaves to any layer that has the weight."""
    tensors, found = module.tensors(), dict[str, torch.Tensor]()
    whole = set()
    for node in filter(makes, module.structure.nodes):
        key = node.key("weight")
        if "mask" not in node.tensors:
            whole.add(key)
        else:
            mask = tensors[node.key("mask")]
            found[key] = found[key] | mask if key in found else mask
    return {key: mask for key, mask in found.items() if key not in whole}
