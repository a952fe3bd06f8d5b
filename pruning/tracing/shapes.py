"""Calls that reshape, take or join maps."""

from collections.abc import Sequence
from typing import Any

import torch

from pruning import graph
from pruning.graph import Node
from pruning.tracing.applied import Applied
from pruning.unsupported import UnsupportedLayer


def zeros(x: Node, *size: Any, **_: Any) -> torch.Tensor:
    """Read what makes zeros, which a concatenation may take."""
    sizes = size[0] if len(size) == 1 and isinstance(size[0], Sequence) else size
    return torch.zeros(*(sizes or (2, *x.shape)), dtype=torch.float64)


def reshaped(x: Node, shape: tuple[int, ...]) -> Applied | Node:
    """Read what makes another shape of the same elements."""
    flat = torch.Size(x.shape).numel()
    if shape == (flat,):
        return x if x.shape == shape else Applied(graph.Flatten(), (x,))
    if tuple(n for n in shape if n > 1) == tuple(n for n in x.shape if n > 1) == shape[:1]:
        return x  # maps of one pixel, and axes without extent
    if shape == x.shape:
        return x
    raise UnsupportedLayer(f"must flatten maps (C, H, W), not make {shape} of {x.shape}")


def only_adds_axes(index: Any) -> bool:
    """Whether an index takes everything."""
    items = index if isinstance(index, tuple) else (index,)
    return None in items and all(i in (None, ..., slice(None)) for i in items)


def getitem(x: Node, index: Any) -> Applied | Node:
    """Read an index of maps: steps of rows and columns."""
    items = list(index) if isinstance(index, tuple) else [index]
    if ... in items:
        at = items.index(...)
        items[at : at + 1] = [slice(None)] * (1 + len(x.shape) + 1 - len(items))
    items += [slice(None)] * (1 + len(x.shape) - len(items))
    sizes = (2, *x.shape)
    starts_at_first = all(
        isinstance(item, slice) and item.indices(n)[:2] == (0, n)
        for item, n in zip(items, sizes, strict=True)
    )
    steps = [item.step or 1 for item in items] if starts_at_first else [0]
    if steps[:2] != [1, 1]:
        raise UnsupportedLayer("must take every so many rows and columns from the first on")
    if steps == [1] * len(steps):
        return x
    return Applied(graph.Subsample((steps[2], steps[3])), (x,))


def cat(tensors: Sequence[Any], dim: int = 0, axis: int | None = None) -> Applied | Node:
    """Read `torch.cat`."""
    maps = [t for t in tensors if isinstance(t, Node)]
    dim = dim if axis is None else axis
    if dim not in (1, -len(maps[0].shape)):
        raise UnsupportedLayer(f"must be along channels (dim 1), not dim {dim}")
    if len(maps) == len(tensors):
        return Applied(graph.Concat(), tuple(maps)) if len(maps) > 1 else maps[0]
    constants = [t for t in tensors if not isinstance(t, Node)]
    if len(maps) > 1 or any(torch.count_nonzero(t) for t in constants):
        raise UnsupportedLayer("must be of maps, or of one map and zeros")
    at = next(i for i, t in enumerate(tensors) if isinstance(t, Node))
    before = sum(t.shape[1] for t in tensors[:at])
    behind = sum(t.shape[1] for t in tensors[at + 1 :])
    return Applied(graph.Pad((0, 0, 0, 0), among_zeros(maps[0], before, behind)), (maps[0],))


def among_zeros(x: Node, before: int, behind: int) -> tuple[int, ...]:
    """Channels of maps with so many of zeros before and behind them, as `graph.Pad` has them."""
    if not before and not behind:
        return ()
    return (*(-1,) * before, *range(x.shape[0]), *(-1,) * behind)
