"""The list of surviving taps that a layer's sequencer walks, once per block of columns."""

from dataclasses import dataclass

import numpy as np

from hw.layers import Conv, MaxPool


@dataclass(frozen=True, eq=False)
class Schedule:
    """Contents of the schedule and weight memories: one entry a cycle.

    Parameters
    ----------
    row, channel, column : (N,) int
        Row and column of the tap inside the kernel's extent (dilation included), and its input channel.
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

    A group walks the union of its outputs' taps. A list has at least as many entries as its group has
    outputs, because the sums of a group leave one a cycle.

    Parameters
    ----------
    layer : Conv or MaxPool
    channels : int
        Input channels.
    group : int
        Outputs in lockstep, G.
    """
    mask, weight, first = _dense(layer, channels)
    outputs = np.full(-(-len(mask) // group) * group, -1)
    outputs[: len(mask)] = np.arange(len(mask))
    outputs = outputs.reshape(-1, group)
    dilation = layer.dilation if isinstance(layer, Conv) else (1, 1)

    entries, taps = [], 0  # rows of (row, channel, column, last, weights...)
    for members in outputs:
        present = members[members >= 0]
        starts = first[present]
        reads = _union(mask[present], starts, channels)
        where = np.argwhere(reads)  # (taps, 3): channel, ky, kx
        weights = np.zeros((max(len(where), group, 1), group), np.int64)
        for g, output in enumerate(present):
            inside = (where[:, 0] >= starts[g]) & (where[:, 0] < starts[g] + mask.shape[1])
            c, ky, kx = where[inside].T
            weights[np.flatnonzero(inside), g] = weight[output, c - starts[g], ky, kx]
        head = np.zeros((len(weights), 4), np.int64)
        head[: len(where), 0] = where[:, 1] * dilation[0]
        head[: len(where), 1] = where[:, 0]
        head[: len(where), 2] = where[:, 2] * dilation[1]
        head[len(where) :, :3] = head[max(len(where) - 1, 0), :3]
        head[-1, 3] = 1
        entries.append(np.hstack([head, weights]))
        taps += len(where)
    table = np.concatenate(entries)
    row, channel, column, last = table[:, :4].T
    return Schedule(row, channel, column, last.astype(bool), table[:, 4:], outputs, taps)


def _dense(layer: Conv | MaxPool, channels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mask and weight (O, I, Kh, Kw), and every output's first input channel."""
    if isinstance(layer, MaxPool):
        ones = np.ones((channels, 1, *layer.kernel), bool)
        return ones, ones.astype(np.int64), np.arange(channels)
    assert layer.mask is not None
    outputs, inputs = layer.weight.shape[:2]
    first = np.arange(outputs) // (outputs // layer.groups) * inputs
    return layer.mask, layer.weight, first


def _union(masks: np.ndarray, starts: np.ndarray, channels: int) -> np.ndarray:
    """Taps (channels, Kh, Kw) that any of some outputs reads."""
    reads = np.zeros((channels, *masks.shape[2:]), bool)
    for mask, start in zip(masks, starts, strict=True):
        reads[start : start + len(mask)] |= mask
    return reads
