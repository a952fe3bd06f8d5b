"""Models: what is trained, pruned and saved; any module whose operations are known."""

from dataclasses import dataclass, field
from typing import Any

from torch import nn

from pruning import graph
from pruning.coupling import makes
from pruning.data import Pixels
from pruning.graph_module import GraphModule
from pruning.importing import graph_of, lowered
from pruning.real_network import RealNetwork


@dataclass(frozen=True, eq=False)
class Model:
    """A floating-point model.

    Parameters
    ----------
    module : GraphModule
        Takes normalised pictures (N, C, H, W).
    pixels : Pixels
        Shape and number format of the pictures before they are normalised.
    facts : dict
        How the model was made, for people and reports; anything that JSON can hold.
    """

    module: GraphModule
    pixels: Pixels
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def macs(self) -> int:
        """Multiply-adds of one picture by surviving weights, those on padding counted as usual."""
        return graph_macs(self.module.graph)

    @property
    def parameters(self) -> int:
        """Surviving weights and biases, once batch normalisation is folded."""
        return graph_parameters(self.module.graph)

    @property
    def real_network(self) -> RealNetwork:
        """The network of real numbers that quantisation takes."""
        return lowered(self.module.graph, self.pixels)


def model_of(module: nn.Module, pixels: Pixels) -> Model:
    """Make a model of any module.

    Parameters
    ----------
    module : nn.Module
        Takes normalised pictures (N, C, H, W); is traced, and stays as it is. What it does in
        training and not in evaluation is kept of normalisation and dropout.

    Raises
    ------
    UnsupportedLayer
        If an operation is not supported, or the module cannot be traced; its place is named.
    ValueError
        If a parameter is not finite.
    """
    return Model(GraphModule(graph_of(module, pixels)), pixels)


def survivors_of(node: graph.Node) -> int:
    """Count the surviving weights of a node; 0 if it has none."""
    if not makes(node):
        return 0
    layer = node.layer
    return layer.weight.numel() if layer.mask is None else int(layer.mask.sum())


def macs_of(node: graph.Node) -> int:
    """Multiply-adds of a node for one picture, as `hw.network.Network` counts them."""
    _, height, width = (*node.shape, 1, 1)[:3]
    return survivors_of(node) * height * width


def graph_macs(found: graph.Graph) -> int:
    """Multiply-adds of one picture by a graph's surviving weights, as `Model.macs`."""
    return sum(macs_of(node) for node in found.nodes)


def graph_parameters(found: graph.Graph) -> int:
    """Surviving weights and biases of a graph, as `Model.parameters`."""
    return sum(survivors_of(node) + node.shape[0] for node in found.nodes if makes(node))
