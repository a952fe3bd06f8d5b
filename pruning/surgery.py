"""Surgery: a pruned graph becomes physically smaller."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch

from pruning import graph
from pruning.coupling import Coupling
from pruning.graph import Graph, Node


def cut(found: Graph, removed: np.ndarray, coupling: Coupling | None = None) -> Graph:
    """Copy a graph without some channels; outputs are those of the graph that never reads them.

    Parameters
    ----------
    found : Graph
    removed : (channels,) int
        Numbers, of `Coupling`, of the channels to remove.
    coupling : Coupling, optional
        Of the graph; made if it is not given.

    Raises
    ------
    ValueError
        If a channel cannot be removed, or no channel of a layer would be left; the layer is named.
    """
    coupling = coupling or Coupling(found)
    stay = {node: ~np.isin(numbers, removed) for node, numbers in coupling.maps.items()}
    for node in found.nodes:
        ends = node is found.nodes[0] or node in found.outputs
        if ends and not stay[node].all():
            raise ValueError(f"layer {node.place!r} must keep its channels, which leave or enter")
        if not stay[node].any():
            raise ValueError(f"layer {node.place!r} must keep at least one feature map")
    return sliced(found, {node: np.flatnonzero(mask) for node, mask in stay.items()})


def sliced(found: Graph, kept: Mapping[Node, np.ndarray]) -> Graph:
    """Copy a graph with some of the channels of every result, which must fit each other.

    Parameters
    ----------
    kept : dict of Node to (channels,) int
        Ascending indices; of what was flattened, of elements.
    """

    def operation(node: Node) -> graph.Operation:
        if not node.inputs:
            return node.operation
        return _sliced(node.operation, kept[node], kept[node.inputs[0]])

    return found.changed(operation, lambda node: (len(kept[node]), *node.shape[1:]))


def _sliced(op: graph.Operation, out: np.ndarray, into: np.ndarray) -> graph.Operation:
    """Keep some channels of an operation's result, given which ones of its first input are left."""
    match op:
        case graph.Convolution(groups=groups) if groups > 1:
            if op.weight.shape[1] == 1:  # a group for each channel
                return replace(_layer(op, out, np.arange(1)), groups=len(into))
            return _layer(op, out, into[: len(into) // groups])  # the same places of all groups
        case graph.Convolution() | graph.Linear():
            return _layer(op, out, into)
        case graph.Norm() | graph.Scale():
            stay = torch.from_numpy(out)
            tensors = {name: v for name, v in vars(op).items() if isinstance(v, torch.Tensor)}
            return replace(op, **{name: value[stay] for name, value in tensors.items()})
        case graph.Pad(channels=channels) if channels:
            places = {channel: at for at, channel in enumerate(into.tolist())}
            taken = (channels[at] for at in out.tolist())
            return replace(op, channels=tuple(places.get(channel, -1) for channel in taken))
    return op


def _layer(
    op: graph.Convolution | graph.Linear, out: np.ndarray, into: np.ndarray
) -> graph.Convolution | graph.Linear:
    """Keep some outputs of a layer, and some inputs of each."""
    outputs, inputs = torch.from_numpy(out), torch.from_numpy(into)
    if len(out) == len(op.weight) and len(into) == op.weight.shape[1]:
        return op
    before = op.channels or tuple(range(len(op.weight)))
    channels = tuple(before[at] for at in out.tolist()) if len(out) < len(before) else op.channels
    return replace(
        op,
        weight=op.weight[outputs][:, inputs],
        bias=None if op.bias is None else op.bias[outputs],
        mask=None if op.mask is None else op.mask[outputs][:, inputs],
        channels=channels,
        granularity="feature-map",
    )
