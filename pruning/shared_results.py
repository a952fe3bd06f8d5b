"""Results of variants: what several of them have in common is computed once."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from pruning.graph import Node
from pruning.graph_module import compute, take
from pruning.variants import Variant


def results(
    variants: Sequence[Variant],
    sources: Mapping[str, torch.Tensor],
    known: Mapping[bytes, torch.Tensor] | None = None,
) -> Iterator[torch.Tensor]:
    """Compute the outputs of variants, in their order, (N, classes) each.

    A result stays until the last variant that takes it, so that variants which agree on their
    first layers should follow each other.

    Parameters
    ----------
    sources : dict of str to (N, ...) tensor
        All channels of what the tail takes, by the names of its sources.
    known : dict of bytes to tensor, optional
        Results that need not be computed, by their keys.
    """
    last = {key: at for at, variant in enumerate(variants) for key in variant.keys.values()}
    cache = dict(known or {})
    for at, variant in enumerate(variants):
        out, keys = variant.graph.outputs[0], variant.keys
        given: dict[Node, torch.Tensor] = {}
        missing: list[Node] = []
        needed = {out}
        for node in reversed(variant.graph.nodes):
            if node in needed and keys[node.name] in cache:
                given[node] = cache[keys[node.name]]
            elif node in needed and not node.inputs:
                given[node] = taken(sources[node.name], variant.kept[node.name])
            elif node in needed:
                missing.append(node)
                needed.update(node.inputs)
        again = [node for node in (*given, *missing) if last[keys[node.name]] > at]
        found = compute(missing[::-1], given, {out, *again}, variant.tensors)
        cache = {key: value for key, value in cache.items() if last.get(key, -1) > at}
        cache |= {keys[node.name]: found[node] for node in again}
        yield found[out].flatten(1)


def taken(x: torch.Tensor, channels: np.ndarray) -> torch.Tensor:
    """Take some channels of maps (N, C, H, W), or of what was flattened; all if all are named."""
    return x if len(channels) == x.shape[1] else take(x, channels.tolist())
