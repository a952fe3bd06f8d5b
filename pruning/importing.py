"""Import: a network of real numbers from any module whose operations are supported."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from pruning.chain import UnsupportedLayer
from pruning.data import Pixels
from pruning.graph import Graph
from pruning.lowering import Lowering
from pruning.models import Model
from pruning.real_network import RealNetwork
from pruning.reals import RealConv, RealMaxPool
from pruning.torch_masks import lift_masks
from pruning.tracing import trace

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
    module, found_masks = lift_masks(module)
    masks = found_masks | dict(masks or {})
    _apply(module, masks)
    rng = np.random.default_rng(0)
    high = (1 << pixels.bits) - 1
    elements = torch.from_numpy(rng.integers(0, high, (1, *pixels.shape), endpoint=True))
    example = normalised(elements, pixels)
    found = trace(module, example)
    network = Lowering(found, masks, granularity).network(pixels)
    network.facts["model"] = type(module).__name__
    _check(network, found, example)
    return network


def real_network_of(model: Model) -> RealNetwork:
    """Make the network of a model; its layers know which feature maps were pruned."""
    found, layers = import_model(model.module, model.pixels), []
    for layer in found.layers:
        if isinstance(layer, RealConv):
            channels = model.channels.get(layer.name, ())
            if channels or any(_maker(found, name) in model.channels for name in layer.inputs):
                layer = replace(layer, channels=channels, granularity="feature-map")
        layers.append(layer)
    return replace(found, layers=tuple(layers))


def _maker(network: RealNetwork, name: str) -> str:
    """Name of the layer that makes the maps that a layer passes on."""
    by_name = {layer.name: layer for layer in network.layers}
    while isinstance(layer := by_name.get(name), RealMaxPool):
        name = layer.source
    return name


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


def _check(network: RealNetwork, found: Graph, example: torch.Tensor) -> None:
    """Compare with what the module computed while it was traced."""
    results = network.compute(example)
    for name, node, expected in zip(network.outputs, found.outputs, found.results, strict=True):
        error = (results[name].flatten() - expected.flatten()).abs().max()
        if not error <= TOLERANCE * expected.abs().max().clamp(min=1e-3):
            raise UnsupportedLayer(
                f"output {node.place!r}: the imported network is off by {float(error):.3g}; "
                "forward must compute the same each time, and not change maps that it reads again"
            )
