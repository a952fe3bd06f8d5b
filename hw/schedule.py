"""The list of surviving taps that a layer's sequencer walks, once per block of columns."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from hw.layers import Conv, MaxPool


@dataclass(frozen=True, eq=False)
class Schedule:
    """Contents of the schedule and weight memories: one entry a cycle.

    Parameters
    ----------
    row, channel, column : (N,) int
        Row and column of the tap inside the kernel's extent (dilation included), and its channel.
    last : (N,) bool
        Whether the tap is the last of its list.
    weight : (N, G) int
        A weight for each output of the group; all zero in an entry that only fills up a short list.
    outputs : (groups, G) int
        Output channels of each list, -1 where the last group has no more.
    taps : int
        Entries that are surviving taps, not fillers.
    """

    row: np.ndarray
    channel: np.ndarray
    column: np.ndarray
    last: np.ndarray
    weight: np.ndarray
    outputs: np.ndarray
    taps: int

    @property
    def lengths(self) -> tuple[int, ...]:
        """Cycles of every list."""
        ends = np.flatnonzero(self.last)
        return tuple(int(n) for n in np.diff(ends, prepend=-1))


def schedule(layer: Conv | MaxPool, channels: int, group: int) -> Schedule:
    """List the taps of a layer in groups of outputs that walk in lockstep.

    A group walks the union of its outputs' taps. A list has at least as many entries as its group
    has outputs, because the sums of a group leave one a cycle.

    Parameters
    ----------
    layer : Conv or MaxPool
    channels : int
        Input channels.
    group : int
        Outputs in lockstep, G.
    """
    mask, weight = _dense(layer, channels)
    outputs = np.full(-(-len(mask) // group) * group, -1)
    outputs[: len(mask)] = np.arange(len(mask))
    dilation = layer.dilation if isinstance(layer, Conv) else (1, 1)

    entries, taps = [], 0  # rows of (row, channel, column, last, weights...)
    for members in outputs.reshape(-1, group):
        present = members[members >= 0]
        channel, ky, kx = np.nonzero(mask[present].any(axis=0))
        length = max(len(channel), group)
        table = np.zeros((length, 4 + group), np.int64)
        table[: len(channel), 0] = ky * dilation[0]
        table[: len(channel), 1] = channel
        table[: len(channel), 2] = kx * dilation[1]
        table[-1, 3] = 1
        table[: len(channel), 4 : 4 + len(present)] = weight[present][:, channel, ky, kx].T
        entries.append(table)
        taps += len(channel)
    table = np.concatenate(entries)
    row, channel, column, last = table[:, :4].T
    outputs = outputs.reshape(-1, group)
    return Schedule(row, channel, column, last.astype(bool), table[:, 4:], outputs, taps)


def list_lengths(layer: Conv | MaxPool, channels: int, group: int) -> list[int]:
    """Cycles of every list, without making the lists."""
    mask, _ = _dense(layer, channels)
    starts = np.arange(0, len(mask), group)
    union = np.logical_or.reduceat(mask.reshape(len(mask), -1), starts, axis=0)
    return np.maximum(union.sum(axis=1), group).tolist()


@lru_cache(maxsize=64)
def _dense(layer: Conv | MaxPool, channels: int) -> tuple[np.ndarray, np.ndarray]:
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
