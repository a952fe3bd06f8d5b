"""What a network of real numbers needs before it is quantised: one scale for its picture."""

from dataclasses import replace

import numpy as np

from pruning.real_network import INPUT, RealNetwork
from pruning.reals import RealConcat, RealConv, RealMaxPool
from pruning.unsupported import UnsupportedLayer


def prepare(network: RealNetwork) -> RealNetwork:
    """Give the picture's channels one scale, which must be tied to none of another layer.

    What channels differ in goes into the weights of the convolutions that read them. A picture
    that is concatenated is scaled by a layer of its own before.

    Raises
    ------
    UnsupportedLayer
        If another layer than a convolution reads channels that differ.
    """
    pixels = network.pixels
    common = float(np.mean(pixels.scale))
    relative = np.array(pixels.scale) / common
    roots, layers = {INPUT}, []
    for layer in network.layers:
        if isinstance(layer, RealMaxPool) and layer.source in roots:
            roots.add(layer.name)
        if isinstance(layer, RealConv) and layer.source in roots:
            shares = np.split(relative, layer.groups)
            gains = np.repeat(shares, len(layer.weight) // layer.groups, axis=0)
            layer = replace(layer, weight=layer.weight * gains[:, :, None, None])
        elif len(set(pixels.scale)) > 1 and not isinstance(layer, RealMaxPool):
            if taken := roots.intersection(layer.inputs):
                raise UnsupportedLayer(
                    f"layer {layer.name!r} takes {min(taken)!r}, whose channels differ in scale: "
                    "put a convolution before it"
                )
        elif isinstance(layer, RealConcat) and roots.intersection(layer.inputs):
            names = []
            for number, name in enumerate(layer.inputs):
                if name in roots:
                    layers.append(_identity(f"{layer.name}_{number}", name, pixels.shape[0]))
                    name = layers[-1].name
                names.append(name)
            layer = replace(layer, sources=tuple(names))
        layers.append(layer)
    scaled = replace(pixels, scale=(common,) * len(pixels.scale))
    return replace(network, pixels=scaled, layers=tuple(layers))


def _identity(name: str, source: str, channels: int) -> RealConv:
    """Copy of a map, to have another scale."""
    return RealConv(name, source, np.ones((channels, 1, 1, 1)), np.zeros(channels), groups=channels)
