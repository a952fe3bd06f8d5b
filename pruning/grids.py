"""Strided grids within kernels: every n-th place (Anwar et al., arXiv 1512.08571)."""

from fractions import Fraction

import numpy as np
import torch

from pruning.graph import Node
from pruning.units import Units

MAX_STRIDE = 4


def grids(
    node: Node, granularity: str, sites: np.ndarray, weight: torch.Tensor, share: Fraction
) -> Units:
    """Grids of a layer's kernels: one offset of each site's stride survives.

    A place of a kernel is counted row by row; the grid of stride ``s`` and offset ``o`` keeps
    those whose count is ``o`` modulo ``s``. Strides are set so that at most the share of weights
    survives, whatever the offsets. Where it lies between two strides, the denser one goes to the
    sites whose best grid loses the most of the sum of magnitudes by the other.

    Parameters
    ----------
    sites : (O, C // groups) int
        What the grid of every kernel is: kernels of one site share it.
    weight : tensor of O * (C // groups) kernels
    share : Fraction
        Part of the weights that survives, at most.

    Raises
    ------
    ValueError
        If the share cannot be had with strides up to `MAX_STRIDE`; the layer is named.
    """
    places = weight.numel() // sites.size
    kept = _kept(places)
    if not least_share(places) <= share <= 1:
        raise ValueError(
            f"layer {node.name!r}: grids must keep at least {least_share(places)} of kernels of "
            f"{places} weights, not {float(share):.3g}: prune kernels as well"
        )
    dense = max(stride for stride in kept if kept[stride] >= share * places)
    sparse = min(stride for stride in kept if kept[stride] <= share * places)
    count = int(sites.max()) + 1
    strides = np.full(count, sparse)
    if dense != sparse:
        room = int((share * places - kept[sparse]) * count / (kept[dense] - kept[sparse]))
        magnitudes = weight.abs().numpy().reshape(-1, places)
        total = np.zeros((count, places))
        np.add.at(total, sites.ravel(), magnitudes)
        loss = _best(total, dense) - _best(total, sparse)
        strides[np.argsort(-loss, kind="stable")[:room]] = dense
    starts = np.concatenate(([0], np.cumsum(strides)))
    labels = starts[sites][:, :, None] + np.arange(places) % strides[sites][:, :, None]
    labels = labels.reshape(weight.shape)
    rows = np.repeat(np.arange(count), strides)
    return Units(node.name, granularity, {node.name: labels}, rows, np.ones(count, int))


def least_share(places: int) -> Fraction:
    """Smallest part of kernels of so many weights that grids can keep."""
    return Fraction(min(_kept(places).values()), places)


def _kept(places: int) -> dict[int, int]:
    """Weights that a kernel keeps, at most, by the stride; no two strides keep as many."""
    kept: dict[int, int] = {}
    for stride in range(1, min(MAX_STRIDE, places) + 1):
        if -(-places // stride) not in kept.values():
            kept[stride] = -(-places // stride)
    return kept


def _best(total: np.ndarray, stride: int) -> np.ndarray:
    """Largest sum that a grid of a stride keeps, of every row of sums by place."""
    sums = [total[:, offset::stride].sum(1) for offset in range(stride)]
    return np.max(sums, axis=0)
