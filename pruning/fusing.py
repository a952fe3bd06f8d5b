"""Fusing: a graph whose convolutions and linear layers have normalisation in their weights."""

from dataclasses import fields, replace

import torch

from pruning import graph
from pruning.graph import Convolution, Graph, Linear, Node, Norm, Scale


def fused(found: Graph) -> Graph:
    """Fold what scales the channels of a layer, and nothing else, into the layer before it.

    The result computes the same in evaluation, but for rounding. It is not for training: weights
    that were folded are no parameters, and weights that layers shared may differ.
    """
    made: dict[Node, Node] = {}
    for node in found.nodes:
        inputs = tuple(made[source] for source in node.inputs)
        if isinstance(node.operation, Norm | Scale) and found.feeds_one(node.inputs[0]):
            layer = inputs[0].operation
            if isinstance(layer, Convolution | Linear):
                operation = _folded(layer, node.operation)
                made[node] = made[node.inputs[0]] = replace(
                    inputs[0], operation=operation, parameters={}
                )
                continue
        made[node] = replace(node, inputs=inputs)
    nodes = tuple(made[node] for node in found.nodes)
    return Graph(tuple(dict.fromkeys(nodes)), tuple(made[node] for node in found.outputs))


def _folded(layer: Convolution | Linear, scale: Norm | Scale) -> graph.Operation:
    """Fold into a layer's weights, computed in float64."""
    tensors = {f.name: getattr(scale, f.name) for f in fields(scale)}
    double = {k: v.double() for k, v in tensors.items() if isinstance(v, torch.Tensor)}
    gain, offset = replace(scale, **double).affine
    bias = 0 if layer.bias is None else layer.bias.double()
    weight = layer.weight.double() * gain.view(-1, *[1] * (layer.weight.ndim - 1))
    kind = layer.weight.dtype
    return replace(layer, weight=weight.to(kind), bias=(bias * gain + offset).to(kind))
