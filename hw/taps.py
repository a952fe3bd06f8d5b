"""A layer as lists of surviving taps: one list for every group of outputs that walk in lockstep."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hw.fold import UnsupportedLayer
from hw.layers import Activation, AvgPool, Conv, Layer, MaxPool


@dataclass(frozen=True, eq=False)
class TapList:
    """Taps that the outputs of a group walk together: the union of theirs.

    Parameters
    ----------
    outputs : tuple of int
        Output channels.
    row, column, channel : (L,) int
        Place of each tap in the kernel's extent (dilation included), and its input channel; ordered
        by channel, then row, then column.
    weight : (L, outputs) int
        Weights; zero where an output's own mask has no such tap.
    """

    outputs: tuple[int, ...]
    row: np.ndarray
    column: np.ndarray
    channel: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.row)


def walked_layer(layer: Layer, source: Activation) -> Conv | MaxPool:
    """Layer whose taps are walked: an average is a convolution with ones.

    Raises
    ------
    UnsupportedLayer
        If there is no hardware for the layer.
    """
    if isinstance(layer, AvgPool):
        return layer.as_conv(source)
    if isinstance(layer, Conv | MaxPool):
        return layer
    kind = type(layer).__name__
    raise UnsupportedLayer(f"layer {layer.name!r}: no hardware for {kind} yet")


def tap_lists(layer: Conv | MaxPool, channels: int, group: int) -> list[TapList]:
    """List a layer's surviving taps in groups of at most `group` outputs.

    Where masks differ, outputs with much in common are put together (`groups`).
    """
    mask, weight = dense(layer, channels)
    dilation = layer.dilation if isinstance(layer, Conv) else (1, 1)
    lists = []
    for outputs in groups(layer, channels, group):
        channel, ky, kx = np.nonzero(mask[list(outputs)].any(axis=0))
        lists.append(
            TapList(
                outputs,
                ky * dilation[0],
                kx * dilation[1],
                channel,
                weight[list(outputs)][:, channel, ky, kx].T,
            )
        )
    return lists


@lru_cache(maxsize=256)
def groups(layer: Conv | MaxPool, channels: int, group: int) -> tuple[tuple[int, ...], ...]:
    """Group outputs: in their order, or permuted where that makes the unions smaller."""
    mask, _ = dense(layer, channels)
    flat = mask.reshape(len(mask), -1)
    natural = [tuple(range(o, min(o + group, len(mask)))) for o in range(0, len(mask), group)]
    least = sum(int(flat[list(members)].sum(axis=1).max()) for members in natural)
    if group == 1 or _union_taps(flat, natural) == least:
        return tuple(natural)
    greedy = _alike(flat, group)
    return tuple(min(natural, greedy, key=lambda found: _union_taps(flat, found)))


def row_lengths(layer: Conv | MaxPool, channels: int, group: int) -> np.ndarray:
    """Taps (lists, Kh) of every list in each row of the kernel, without making the lists."""
    mask, _ = dense(layer, channels)
    found = groups(layer, channels, group)
    return np.array([mask[list(members)].any(axis=0).sum(axis=(0, 2)) for members in found])


def _union_taps(flat: np.ndarray, found: list[tuple[int, ...]]) -> int:
    return sum(int(flat[list(members)].any(axis=0).sum()) for members in found)


def _alike(flat: np.ndarray, group: int) -> list[tuple[int, ...]]:
    """Group outputs greedily: the largest first, then those that add fewest taps to the union."""
    bits = np.packbits(flat, axis=1)
    rest = sorted(range(len(flat)), key=lambda o: (-int(flat[o].sum()), o))
    found = []
    while rest:
        members = [rest.pop(0)]
        union = bits[members[0]].copy()
        while rest and len(members) < group:
            added = np.bitwise_count(bits[rest] & ~union).sum(axis=1)
            members.append(rest.pop(int(added.argmin())))
            union |= bits[members[-1]]
        found.append(tuple(sorted(members)))
    return found


@lru_cache(maxsize=64)
def dense(layer: Conv | MaxPool, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Mask and weight (O, channels, Kh, Kw) of a layer, zero where its groups do not reach."""
    if isinstance(layer, MaxPool):
        mask = np.zeros((channels, channels, *layer.kernel), bool)
        mask[np.arange(channels), np.arange(channels)] = True
        return mask, mask.astype(np.int64)
    outputs, inputs = layer.weight.shape[:2]
    mask = np.zeros((outputs, channels, *layer.kernel), bool)
    weight = np.zeros(mask.shape, np.int64)
    for o in range(outputs):
        start = o // (outputs // layer.groups) * inputs
        mask[o, start : start + inputs] = layer.survivors[o]
        weight[o, start : start + inputs] = layer.weight[o]
    return mask, weight
