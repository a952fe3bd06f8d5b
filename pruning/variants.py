"""Variants: the part of a graph that masks change, pruned in many ways at little cost each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b

import numpy as np
import torch

from pruning.coupling import Coupling, mixes, read_by
from pruning.fusing import fused
from pruning.graph import Convolution, Graph, Linear, Node, Operation, Picture
from pruning.masks import Masks, check, surviving_weights
from pruning.surgery import sliced
from pruning.units import Labels, Units


@dataclass(frozen=True, eq=False)
class Variant:
    """A pruned tail of `Variants`; everything about its nodes is by their names.

    Parameters
    ----------
    graph : Graph
        The tail without the channels that no surviving weight reads, and with zeros for weights.
    kept : dict of str to (channels,) int array
        Channels of every result that are left.
    survivors : dict of str to bool array
        Surviving weights of the layers that masks touch, before channels left.
    keys : dict of str to bytes
        Results of equal keys are equal, whatever variants they are of.
    """

    graph: Graph
    kept: Mapping[str, np.ndarray]
    survivors: Labels
    keys: Mapping[str, bytes]

    @cached_property
    def tensors(self) -> dict[str, torch.Tensor]:
        """Tensors of the nodes by key."""
        nodes = self.graph.nodes
        return {node.key(name): value for node in nodes for name, value in node.tensors.items()}


class Variants:
    """Divides a graph into a stem that no mask changes and a tail that is pruned.

    Normalisation is fused into the layers before it. Where masks only choose among maps of the
    stem, it computes all of them, and the tail takes some.

    Parameters
    ----------
    found : Graph
    units : sequence of Units
        What masks prune.

    Attributes
    ----------
    stem : Graph
        The fused graph up to what the tail takes.
    tail : Graph
        What masks change, up to the first output of the graph; what it takes of the stem are its
        nodes of `Picture`, in the order and with the names of the stem's outputs.
    """

    def __init__(self, found: Graph, units: Sequence[Units]) -> None:
        self.units = tuple(units)
        self.stem, self.tail = _divided(fused(found), {name for u in units for name in u.labels})
        maps = {node.name: numbers for node, numbers in Coupling(found).maps.items()}
        self._maps = {node: maps[node.name] for node in self.tail.nodes}
        self._channels = 1 + max(int(numbers.max()) for numbers in maps.values())
        self._read = {
            node: read_by(node, self._maps[node.inputs[0]])
            for node in self.tail.nodes
            if node.inputs and mixes(node)
        }

    @property
    def size(self) -> int:
        """Most weights that a variant has."""
        return sum(each.numel() for node in self.tail.nodes for each in node.tensors.values())

    def variant(self, masks: Masks, *, counted: bool = True) -> Variant:
        """Prune the tail.

        Parameters
        ----------
        masks : dict of str to (units,) bool
        counted : bool
            Whether they must have the survivors of their units.

        Raises
        ------
        ValueError
            If a mask fits no units, or has not their survivors.
        """
        if counted:
            check(self.units, masks)
        survivors = surviving_weights(self.units, masks)

        def operation(node: Node) -> Operation:
            op, stays = node.operation, survivors.get(node.name)
            if stays is None or not isinstance(op, Convolution | Linear):
                return op
            return replace(op, weight=op.weight * torch.from_numpy(stays))

        alive = self._alive(survivors)
        kept = {node: np.flatnonzero(alive[numbers]) for node, numbers in self._maps.items()}
        masked = self.tail.changed(operation)
        pairs = zip(masked.nodes, kept.values(), strict=True)
        by_name = {node.name: channels for node, channels in kept.items()}
        return Variant(sliced(masked, dict(pairs)), by_name, survivors, self._keys(kept, survivors))

    def _alive(self, survivors: Labels) -> np.ndarray:
        """Whether each channel is read; all are if not one of some result's would be left."""
        alive = np.zeros(self._channels, bool)
        alive[self._maps[self.tail.outputs[0]]] = True
        for node, numbers in self._read.items():
            stays = survivors.get(node.name)
            alive[(numbers if stays is None else numbers[stays]).ravel()] = True
        if not all(alive[numbers].any() for numbers in self._maps.values()):
            alive[:] = True
        return alive

    def _keys(self, kept: Mapping[Node, np.ndarray], survivors: Labels) -> dict[str, bytes]:
        keys: dict[str, bytes] = {}
        for node, channels in kept.items():
            digest = blake2b(node.name.encode(), digest_size=16)
            digest.update(channels.tobytes())
            if node.name in survivors:
                digest.update(survivors[node.name].tobytes())
            for source in node.inputs:
                digest.update(keys[source.name])
            keys[node.name] = digest.digest()
        return keys


def _divided(whole: Graph, masked: set[str]) -> tuple[Graph, Graph]:
    """Divide a graph into what depends on masked layers, and what that takes."""
    made: dict[Node, Node] = {}
    taken: dict[Node, Node] = {}

    def copy(node: Node) -> Node:
        if node not in made and node not in taken:
            taken[node] = replace(node, operation=Picture(), inputs=(), parameters={})
        return made[node] if node in made else taken[node]

    for node in whole.nodes:
        if node.name in masked or not made.keys().isdisjoint(node.inputs):
            inputs = tuple(copy(source) for source in node.inputs)
            made[node] = replace(node, operation=_plain(node.operation), inputs=inputs)
    end = copy(whole.outputs[0])
    tail = _of((*taken.values(), *made.values()), (end,))
    used = {node.name for node in tail.nodes}
    return _of(whole.nodes, tuple(node for node in taken if node.name in used)), tail


def _plain(op: Operation) -> Operation:
    """Put the mask of a layer into its weights."""
    if not isinstance(op, Convolution | Linear) or op.mask is None:
        return op
    return replace(op, weight=op.weight * op.mask, mask=None)


def _of(nodes: Sequence[Node], outputs: tuple[Node, ...]) -> Graph:
    """Make a graph of the nodes that outputs need."""
    needed = set(outputs)
    for node in reversed(nodes):
        if node in needed:
            needed.update(node.inputs)
    return Graph(tuple(node for node in nodes if node in needed), outputs)
