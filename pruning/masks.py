"""Masks over units: true survives. Maps are cut out of the model, finer units are masked in it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from pruning import graph
from pruning.coupling import makes
from pruning.graph import Graph, Node
from pruning.surgery import cut
from pruning.units import Labels, Units

Masks = Mapping[str, np.ndarray]
"""For the units of every name, a bool for each."""


def pruned(found: Graph, units: Sequence[Units], masks: Masks) -> Graph:
    """Prune a graph: maps leave it, weights of finer units are masked.

    Raises
    ------
    ValueError
        If a mask fits no units, has not their survivors, units are those of another graph, or
        nothing of a layer would be left.
    """
    check(units, masks)
    maps = [unit for unit in units if unit.channels is not None and unit.name in masks]
    finer = {u.name: masks[u.name] for u in units if u.channels is None and u.name in masks}
    found = masked(found, units, finer)
    if not maps:
        return found
    removed = [unit.channels[~masks[unit.name]] for unit in maps if unit.channels is not None]
    return cut(found, np.concatenate(removed))


def masked(found: Graph, units: Sequence[Units], masks: Masks) -> Graph:
    """Mask the weights of pruned units; of maps, those that read them. Shapes stay.

    Raises
    ------
    ValueError
        If a mask fits no units, has not their survivors, or units are those of another graph.
    """
    check(units, masks)
    survivors = surviving_weights(units, masks)
    names = {name: u.granularity for u in units if u.name in masks for name in u.labels}

    def operation(node: Node) -> graph.Operation:
        op = node.operation
        if node.name not in survivors or not isinstance(op, graph.Convolution | graph.Linear):
            return op
        mask = torch.from_numpy(survivors[node.name])
        if mask.shape != op.weight.shape:
            shapes = f"{tuple(op.weight.shape)}, not {tuple(mask.shape)}"
            raise ValueError(f"layer {node.place!r}: units must be of weights {shapes}")
        mask = mask if op.mask is None else mask & op.mask
        granularity = names[node.name].removesuffix("-free")
        return replace(op, mask=mask, granularity=granularity)

    return found.changed(operation)


def surviving_weights(units: Sequence[Units], masks: Masks) -> Labels:
    """Surviving weights, bool, in the shape of the weight of every layer that masks touch."""
    found: Labels = {}
    for unit in units:
        if unit.name in masks:
            for layer, labels in unit.labels.items():
                stays = np.append(masks[unit.name], True)[labels]  # -1 is the last one
                found[layer] = found[layer] & stays if layer in found else stays
    return found


def check(units: Sequence[Units], masks: Masks) -> None:
    """Raise a ValueError if a mask fits no units, or has not their survivors."""
    known = {unit.name: unit for unit in units}
    if len(known) < len(units):
        raise ValueError(f"units must differ in their names, not be {[u.name for u in units]}")
    for name, mask in masks.items():
        if name not in known:
            raise ValueError(f"masked layer must be one of {', '.join(known)}, not {name!r}")
        known[name].check(mask)


def weights_of(found: Graph) -> Labels:
    """Weights of every layer, float64; those that earlier masks have pruned are zero."""
    weights: Labels = {}
    for node in found.nodes:
        if makes(node):
            weight, mask = node.tensors["weight"].double(), node.tensors.get("mask")
            weights[node.name] = (weight if mask is None else weight * mask).numpy()
    return weights
