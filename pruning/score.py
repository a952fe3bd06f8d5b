"""Scores of masks: validation errors of the pruned model, before any retraining."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from pruning.data import Split
from pruning.evaluate import BATCH, normalise
from pruning.graph import Graph, Node
from pruning.graph_module import GraphModule, compute
from pruning.masks import Masks, pruned
from pruning.models import Model
from pruning.units import Units


class Scorer:
    """Counts errors of a model that is pruned in many ways.

    What no mask changes is computed once. Errors are integers, so that scores are compared exactly.

    Parameters
    ----------
    model : Model
    units : sequence of Units
    split : Split
        Held-out pictures.
    """

    def __init__(self, model: Model, units: Sequence[Units], split: Split) -> None:
        self.model, self.units, self.split = model, tuple(units), split
        self.graph = model.module.graph

    def errors(self, masks: Masks) -> int:
        """Count the pictures that the model errs on once it is pruned by masks."""
        wrong = 0
        for logits, labels in self._logits(self.units, masks):
            wrong += int((logits.argmax(1).numpy() != labels).sum())
        return wrong

    def loss(self, masks: Masks) -> float:
        """Mean cross-entropy of the model pruned by masks, which may keep any number of units."""
        counted = [
            replace(unit, keep=np.bincount(unit.rows[masks[unit.name]], minlength=len(unit.keep)))
            for unit in self.units
            if unit.name in masks
        ]
        total = 0.0
        for logits, labels in self._logits(counted, masks):
            total += float(cross_entropy(logits, torch.from_numpy(labels), reduction="sum"))
        return total / len(self.split)

    def _logits(
        self, units: Sequence[Units], masks: Masks
    ) -> Iterator[tuple[torch.Tensor, np.ndarray]]:
        """Logits (N, classes) and labels (N,) of batches."""
        found = pruned(self.graph, units, masks)
        tensors = GraphModule(found).eval().tensors()
        same = dict(zip(self.graph.nodes, found.nodes, strict=True))
        changed = [same[node] for node in self._changed]
        for batch, labels in zip(self.stem, self._labels, strict=True):
            known = {same[node]: value for node, value in batch.items()}
            with torch.no_grad():
                (logits,) = compute(changed, known, found.outputs[:1], tensors).values()
            yield logits.flatten(1), labels

    @cached_property
    def _changed(self) -> list[Node]:
        """Nodes whose results masks may change."""
        touched = {layer for unit in self.units for layer in (*unit.labels, *unit.owned)}
        changed: set[Node] = set()
        for node in self.graph.nodes:
            if node.name in touched or changed.intersection(node.inputs):
                changed.add(node)
        return [node for node in self.graph.nodes if node in changed]

    @cached_property
    def stem(self) -> list[dict[Node, torch.Tensor]]:
        """Batches of what masks do not change, and other layers take."""
        graph: Graph = self.graph
        changed = set(self._changed)
        kept = [node for node in graph.nodes if node not in changed]
        taken = {source for node in changed for source in node.inputs} - changed
        first, tensors, found = graph.nodes[0], GraphModule(graph).eval().tensors(), []
        images = self.split.images
        with torch.no_grad():
            for start in range(0, len(images), BATCH):
                x = normalise(images[start : start + BATCH], self.model.pixels)
                found.append(compute(kept[1:], {first: x}, taken, tensors))
        return found

    @cached_property
    def _labels(self) -> list[np.ndarray]:
        labels = self.split.labels
        return [labels[start : start + BATCH] for start in range(0, len(labels), BATCH)]
