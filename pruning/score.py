"""Scores of masks: validation errors of the pruned model, before any retraining."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from pruning.data import Split
from pruning.evaluate import normalise
from pruning.graph_module import compute
from pruning.masks import Masks
from pruning.models import Model
from pruning.partial_sums import PartialSums, maps_first
from pruning.racing import Wrong, course, race
from pruning.shared_results import results, taken
from pruning.units import Units
from pruning.variants import Variant, Variants

ELEMENTS = 1 << 20  # of a batch's largest result; more fall out of the cache
WEIGHTS = 1 << 26  # of the variants that are held at a time
GROUP = 64  # of them at most
DOUBT = 1e-4  # part of the largest logit; float32 is off by less


class Scorer:
    """Counts errors of a model that is pruned in many ways.

    What no mask changes is computed once, and what several masks have in common once for all of
    them. Errors are integers, and those of float64: logits are computed in float32 and, where two
    of them are too close for it to tell which is larger, again in float64. So scores do not depend
    on batches, threads, or which masks are scored together.

    Parameters
    ----------
    model : Model
    units : sequence of Units
    split : Split
        Held-out pictures.

    Attributes
    ----------
    split : Split
        The pictures in the order in which they are judged.
    """

    def __init__(self, model: Model, units: Sequence[Units], split: Split) -> None:
        self.model, self.units = model, tuple(units)
        self.variants = Variants(model.module.graph, units)
        self.sums = PartialSums.of(self.variants.tail, units)
        nodes = (*self.variants.stem.nodes, *self.variants.tail.nodes)
        largest = max(int(np.prod(node.shape)) for node in nodes)
        self._stem_batch = min(1000, max(32, ELEMENTS // largest))
        self.batch = min(self._stem_batch, self.sums.batch) if self.sums else self._stem_batch
        self.split = split[course(split.labels, self.batch)]

    def errors(self, masks: Masks) -> int:
        """Count the pictures that the model errs on once it is pruned by masks."""
        return self.scores((masks,))[0]

    def loss(self, masks: Masks) -> float:
        """Mean cross-entropy of the model pruned by masks, which may keep any number of units."""
        variant, total = self.variants.variant(masks, counted=False), 0.0
        for part in self._batches(self.batch):
            labels = torch.from_numpy(self.split.labels[part])
            (logits,) = self.logits((variant,), part)
            total += float(cross_entropy(logits, labels, reduction="sum"))
        return total / len(self.split)

    def scores(self, masks: Iterable[Masks]) -> list[int]:
        """Count the errors of the model pruned by each of some masks."""
        return [n for variants in self._groups(masks) for n in self._count(variants).tolist()]

    def best(self, masks: Iterable[Masks]) -> tuple[int, int]:
        """Find the mask with the fewest errors, of equals the first; others are given up early.

        Returns
        -------
        index, errors : int

        Raises
        ------
        ValueError
            If there are no masks.
        """
        best, start, labels = None, 0, self.split.labels
        for variants in self._groups(masks):
            limit = None if best is None else best[1] - 1
            if self.sums or self.batch >= len(labels):  # one mask alone costs as much as many
                counts = self._count(variants)
                found = int(counts.argmin()), int(counts.min())
                found = found if limit is None or found[1] <= limit else None
            else:
                found = race(self._judge(variants), len(variants), labels, self.batch, limit)
            best = best if found is None else (start + found[0], found[1])
            start += len(variants)
        if best is None:
            raise ValueError("masks must be at least one, not none")
        return best

    def _count(self, variants: Sequence[Variant]) -> np.ndarray:
        parts = [self.wrong(variants, part).sum(1) for part in self._batches(self.batch)]
        return np.sum(parts, axis=0)

    def _judge(self, variants: Sequence[Variant]) -> Wrong:
        return lambda chosen, pictures: self.wrong([variants[at] for at in chosen], pictures)

    @torch.no_grad()
    def logits(self, variants: Sequence[Variant], pictures: np.ndarray) -> torch.Tensor:
        """Compute logits (masks, N, classes) of variants for pictures, neighbours in `split`."""
        some = slice(int(pictures[0]), int(pictures[-1]) + 1)
        sources = {name: stem[some] for name, stem in self.stem.items()}
        known = None
        if self.sums:
            known = self.sums.results(sources[self.sums.node.inputs[0].name], variants)
            sources = {k: maps_first(v) if v.ndim == 4 else v for k, v in sources.items()}
        order = sorted(range(len(variants)), key=lambda i: [*variants[i].keys.values()])
        found = results([variants[i] for i in order], sources, known)
        logits = dict(zip(order, found, strict=True))
        return torch.stack([logits[i] for i in range(len(variants))])

    def wrong(self, variants: Sequence[Variant], pictures: np.ndarray) -> np.ndarray:
        """Whether variants err on pictures, neighbours in `split`: (masks, N) bool."""
        logits = self.logits(variants, pictures)
        top = logits.topk(min(2, logits.shape[2]), 2)
        classes = top.indices[..., 0].numpy()
        close = top.values[..., 0] - top.values[..., -1] <= DOUBT * logits.abs().amax(2)
        for mask, at in close.nonzero().tolist():
            classes[mask, at] = self._class(variants[mask], int(pictures[at]))
        return classes != self.split.labels[pictures]

    @cached_property
    def stem(self) -> dict[str, torch.Tensor]:
        """What masks do not change and the tail takes, by name: (N, ...) of all pictures."""
        batches = self._batches(self._stem_batch)
        parts = [self._sources(part, torch.float32) for part in batches]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    @torch.no_grad()
    def _sources(self, pictures: np.ndarray, kind: torch.dtype) -> dict[str, torch.Tensor]:
        stem = self.variants.stem
        x = normalise(self.split.images[pictures], self.model.pixels).to(kind)
        tensors = {
            node.key(name): value.to(kind) if value.is_floating_point() else value
            for node in stem.nodes
            for name, value in node.tensors.items()
        }
        found = compute(stem.nodes[1:], {stem.nodes[0]: x}, stem.outputs, tensors)
        return {node.name: value for node, value in found.items()}

    @torch.no_grad()
    def _class(self, variant: Variant, picture: int) -> int:
        """Decide the class of a picture in float64."""
        sources = self._sources(np.array([picture]), torch.float64)
        given = {
            node: taken(sources[node.name], variant.kept[node.name])
            for node in variant.graph.nodes
            if not node.inputs
        }
        rest = [node for node in variant.graph.nodes if node.inputs]
        tensors = {key: value.double() for key, value in variant.tensors.items()}
        (logits,) = compute(rest, given, variant.graph.outputs, tensors).values()
        return int(logits.flatten().argmax())

    def _groups(self, masks: Iterable[Masks]) -> Iterator[list[Variant]]:
        """Prune by as many masks at a time as there is memory for."""
        variants = map(self.variants.variant, masks)
        size = max(1, min(GROUP, WEIGHTS // self.variants.size))
        while group := list(islice(variants, size)):
            yield group

    def _batches(self, size: int) -> Iterator[np.ndarray]:
        for start in range(0, len(self.split), size):
            yield np.arange(start, min(start + size, len(self.split)))
