"""Structured probabilistic pruning: units drop out of training by chance, and more and more often.

Of Wang, Zhang, Wang and Hu, BMVC 2018, arXiv 1709.06994, algorithm 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from pruning import graph
from pruning.graph import Graph, Node
from pruning.graph_module import GraphModule
from pruning.masks import surviving_weights
from pruning.models import Model
from pruning.selectors.probabilities import Probabilities
from pruning.selectors.problem import Problem, Selection, Selector
from pruning.train import train
from pruning.units import Units


@dataclass(frozen=True)
class Probabilistic(Selector):
    """Train while units are pruned by chance, for a step at a time, until each is gone or stays.

    Every `t` steps, probabilities grow for the units with the least sum of magnitudes and fall for
    the others, by their rank among those of their row that are left; at 1 a unit is gone. So the
    weights get used to the loss, and a unit that turns out to matter comes back. Weights are not
    updated in steps without them. The log has ``iteration``, ``to prune`` (units that are still to
    go), and ``probability of NAME`` (of up to `traced` units, evenly spaced) at every update, and
    ``unfinished``: names of units of which some were left at the end, and went by rank.

    Parameters
    ----------
    A : float
        What the weakest unit's probability grows by at an update.
    u : float
        0 to 1, both excluded: part of it that is left where the curve turns; see
        `pruning.selectors.probabilities.increment`.
    t : int
        Steps between updates.
    iterations : int
        Steps, at most. The least that a unit takes is ``t / A``; one row of 10,000 units takes 240
        updates if ranks stay as they are. The paper does not state a limit.
    rate, momentum, decay, batch : float, int
        Of the stochastic gradient descent. The paper does not state them; a fixed rate of a
        twentieth of that of training is what its authors use in a later work (IncReg).
    smoothing : float
        0 to 1, 1 excluded: weight of the last importance in the next one. The authors' code has it,
        with 0.
    augment, device : bool, str
        As in `pruning.recipe.Recipe`.
    traced : int
        Units of a layer in the log, at most.

    Raises
    ------
    ValueError
        If a setting is out of range.
    """

    A: float = 0.05
    u: float = 0.25
    t: int = 180
    iterations: int = 45_000
    rate: float = 0.0025
    momentum: float = 0.9
    decay: float = 5e-4
    batch: int = 64
    smoothing: float = 0.0
    augment: bool = False
    device: str = "cpu"
    traced: int = 64

    def __post_init__(self) -> None:
        for name in ("t", "iterations", "traced"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)!r}")
        if not 0 < self.A <= 1:
            raise ValueError(f"A must be above 0 and at most 1, not {self.A!r}")
        if not 0 < self.u < 1:
            raise ValueError(f"u must be above 0 and below 1, not {self.u!r}")
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing must be at least 0 and below 1, not {self.smoothing!r}")

    def select(self, problem: Problem) -> Selection:
        """Train and prune; the weights that are found are the selection's model."""
        model, found = problem.model, problem.model.module.graph
        own = {node.name: node.tensors.get("mask") for node in found.nodes}
        whole = GraphModule(maskable(found, problem.units))
        sampling = Sampling(self, problem)
        steps = max(1, len(problem.data.train) // self.batch)
        trained = train(
            Model(whole, model.pixels, model.facts),
            problem.data,
            hook=sampling,
            epochs=self.iterations // steps + 1,
            rate=self.rate,
            momentum=self.momentum,
            decay=self.decay,
            batch=self.batch,
            schedule="constant",
            augment=self.augment,
            device=self.device,
            seed=problem.seed,
            threads=torch.get_num_threads(),
        )
        masks = {each.units.name: each.mask() for each in sampling.probabilities}
        after = GraphModule(_with_masks(trained.module.graph, own))
        return Selection(masks, model=replace(trained, module=after), log=sampling.log)


class Sampling:
    """What happens before every step of training: masks are drawn, probabilities updated.

    Parameters
    ----------
    settings : Probabilistic
    problem : Problem
    """

    def __init__(self, settings: Probabilistic, problem: Problem) -> None:
        self.settings, self.problem = settings, problem
        self.rng = np.random.default_rng(problem.seed)
        curve = (settings.A, settings.u, settings.smoothing)
        self.probabilities = [Probabilities(unit, *curve) for unit in problem.units]
        self.nodes = {node.name: node for node in problem.model.module.structure.nodes}
        self.log: dict[str, list[Any]] = {"iteration": [], "to prune": [], "unfinished": []}

    def __call__(self, step: int, module: GraphModule) -> bool:
        """Overwrite the masks; end the training when all units are gone that have to go."""
        if step % self.settings.t == 0:
            self._update(step, module)
        unfinished = [each.units.name for each in self.probabilities if each.to_prune.any()]
        if not unfinished or step >= self.settings.iterations:
            self.log["unfinished"] = unfinished
            return True
        self._draw(module)
        return False

    def _update(self, step: int, module: GraphModule) -> None:
        tensors, pruned = module.tensors(), self.problem.model.module.tensors()

        def magnitudes(layer: str) -> np.ndarray:
            node = self.nodes[layer]
            values = tensors[node.key("weight")].detach().abs().cpu().numpy()
            mask = pruned.get(node.key("mask"))
            return values if mask is None else values * mask.numpy()

        for each in self.probabilities:
            each.update(each.units.totals({name: magnitudes(name) for name in each.units.owned}))
        left = sum(int(each.to_prune.sum()) for each in self.probabilities)
        self._note("iteration", step)
        self._note("to prune", left)
        for each in self.probabilities:
            some = np.linspace(0, each.units.count - 1, self.settings.traced).round().astype(int)
            values = each.values[np.unique(some)]
            self._note(f"probability of {each.units.name}", values.tolist())
        message = f"{left} units are still to go"
        self.problem.progress("prune", step, self.settings.iterations, message)

    def _note(self, name: str, value: Any) -> None:
        self.log.setdefault(name, []).append(value)

    def _draw(self, module: GraphModule) -> None:
        units = self.problem.units
        drawn = {each.units.name: each.draw(self.rng) for each in self.probabilities}
        tensors, pruned = module.tensors(), self.problem.model.module.tensors()
        for layer, stays in surviving_weights(units, drawn).items():
            key = self.nodes[layer].key("mask")
            mask = torch.from_numpy(stays)
            tensors[key].copy_(mask & pruned[key] if key in pruned else mask)


def maskable(found: Graph, units: tuple[Units, ...]) -> Graph:
    """Give the layers that units mask a mask, which leaves all of it and is to be overwritten."""
    layers = {name for unit in units for name in unit.labels}
    weights = {node.name: node.tensors["weight"] for node in found.nodes if node.name in layers}
    whole = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights.items()}
    return _with_masks(found, whole)


def _with_masks(found: Graph, masks: Mapping[str, torch.Tensor | None]) -> Graph:
    """Replace the masks of some layers; None takes one away."""

    def operation(node: Node) -> graph.Operation:
        op = node.operation
        if isinstance(op, graph.Convolution | graph.Linear) and node.name in masks:
            return replace(op, mask=masks[node.name])
        return op

    return found.changed(operation)
