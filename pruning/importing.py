"""Import: a network of real numbers from any module whose operations are supported."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from pruning.data import Pixels
from pruning.graph import Convolution, Graph, Linear, Node, Operation
from pruning.lowering import Lowering
from pruning.real_network import RealNetwork
from pruning.torch_masks import lift_masks
from pruning.tracing import trace
from pruning.unsupported import UnsupportedLayer

TOLERANCE = 1e-9  # of the largest result


def import_model(
    module: nn.Module,
    pixels: Pixels,
    *,
    masks: Mapping[str, np.ndarray] | None = None,
    granularity: str = "weight",
) -> RealNetwork:
    """Make a network of a trained module, and check that it computes the same.

    Batch normalisation is folded into the layer before it, an activation belongs to it, and zeros
    around maps are the padding of the layer behind. Where that cannot be, a 1x1 convolution takes
    their place.

    Parameters
    ----------
    module : nn.Module
        Takes normalised pictures (N, C, H, W); is traced in evaluation, and stays as it is.
    pixels : Pixels
        Shape and number format of the pictures before they are normalised.
    masks : dict of str to bool array, optional
        Surviving weights by the path of their module, in the shape of its weight; the others are
        taken as zero. Masks of torch.nn.utils.prune are found without being named.
    granularity : str
        What the masks prune, one of `hw.layers.GRANULARITIES`.

    Raises
    ------
    UnsupportedLayer
        If an operation is not supported, or the module cannot be traced; its place is named.
    ValueError
        If a parameter is not finite, or a mask fits no weight.
    """
    found = graph_of(module, pixels, masks=masks, granularity=granularity)
    network = lowered(found, pixels)
    network.facts["model"] = type(module).__name__
    _check(network, found)
    return network


def graph_of(
    module: nn.Module,
    pixels: Pixels,
    *,
    masks: Mapping[str, np.ndarray] | None = None,
    granularity: str = "weight",
) -> Graph:
    """Find the graph of a module, its masks among it; arguments and errors of `import_model`."""
    module, found_masks = lift_masks(module)
    masks = found_masks | dict(masks or {})
    _apply(module, masks)
    by_key = {f"{place}.weight": torch.from_numpy(mask) for place, mask in masks.items()}
    found = trace(module, example(pixels))

    def operation(node: Node) -> Operation:
        mask = by_key.get(node.key("weight"))
        if mask is None or not isinstance(node.operation, Convolution | Linear):
            return node.operation
        return replace(node.operation, mask=mask, granularity=granularity)

    return replace(found.changed(operation), results=found.results)


def lowered(found: Graph, pixels: Pixels) -> RealNetwork:
    """Make the network of real numbers of a graph."""
    return Lowering(found).network(pixels)


def example(pixels: Pixels) -> torch.Tensor:
    """Make a picture (1, C, H, W) float64 to trace with, the same each time."""
    high = (1 << pixels.bits) - 1
    elements = np.random.default_rng(0).integers(0, high, (1, *pixels.shape), endpoint=True)
    return normalised(torch.from_numpy(elements), pixels)


def normalised(elements: torch.Tensor, pixels: Pixels) -> torch.Tensor:
    """Make numbers (N, C, H, W) float64 of the elements of pictures."""
    offset = torch.tensor(pixels.offset or (0,), dtype=torch.float64)[:, None, None]
    return (elements - offset) * torch.tensor(pixels.scale, dtype=torch.float64)[:, None, None]


def _apply(module: nn.Module, masks: dict[str, np.ndarray]) -> None:
    parameters = dict(module.named_parameters())
    for place, mask in masks.items():
        weight = parameters.get(f"{place}.weight")
        if weight is None or weight.ndim not in (2, 4):
            raise ValueError(f"mask {place!r} must be of a convolution or linear layer")
        if mask.shape != tuple(weight.shape) or mask.dtype != bool:
            shapes = f"{tuple(weight.shape)}, not {mask.dtype} {mask.shape}"
            raise ValueError(f"mask {place!r} must be bool {shapes}")
        with torch.no_grad():
            weight.mul_(torch.from_numpy(mask).to(weight.device))


def _check(network: RealNetwork, found: Graph) -> None:
    """Compare with what the module computed while it was traced."""
    results = network.compute(example(network.pixels))
    for name, node, expected in zip(network.outputs, found.outputs, found.results, strict=True):
        error = (results[name].flatten() - expected.flatten()).abs().max()
        if not error <= TOLERANCE * expected.abs().max().clamp(min=1e-3):
            raise UnsupportedLayer(
                f"output {node.place!r}: the imported network is off by {float(error):.3g}; "
                "forward must compute the same each time, and not change maps that it reads again"
            )
