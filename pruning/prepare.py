"""What a network of real numbers needs before it is quantised: maps that can have one format."""

from dataclasses import replace

import numpy as np

from pruning.real_network import INPUT, RealNetwork
from pruning.reals import NO_CLIP, Clip, RealConcat, RealConv, RealMaxPool
from pruning.scales import signs
from pruning.unsupported import UnsupportedLayer


def prepare(network: RealNetwork) -> RealNetwork:
    """Give the picture's channels one scale, and copies to concats whose sources differ too much.

    What channels differ in goes into the weights of the convolutions that read them. A picture
    that is concatenated is scaled by a layer of its own before. So are maps that an activation has
    clipped where the format that all sources of a concat share would not clip them.

    Raises
    ------
    UnsupportedLayer
        If another layer than a convolution reads channels that differ.
    """
    pixels = network.pixels
    common = float(np.mean(pixels.scale))
    relative = np.array(pixels.scale) / common
    positive = NO_CLIP if signs(network)[INPUT] else Clip(0)
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
                    layers.append(
                        _identity(f"{layer.name}_{number}", name, pixels.shape[0], positive)
                    )
                    name = layers[-1].name
                names.append(name)
            layer = replace(layer, sources=tuple(names))
        layers.append(layer)
    scaled = replace(pixels, scale=(common,) * len(pixels.scale))
    return _clipped_apart(replace(network, pixels=scaled, layers=tuple(layers)))


def _clipped_apart(network: RealNetwork) -> RealNetwork:
    """Copy the sources of a concat whose limits are not those of the others.

    Only the ends of its format clip a map. If a ReLU's shares the format of maps that may be
    negative, or a ReLU6's that of larger ones, nothing is left of the activation.
    """
    signed, shapes = signs(network), network.shapes() | {INPUT: network.pixels.shape}
    clips, layers = {INPUT: NO_CLIP}, []
    for layer in network.layers:
        if isinstance(layer, RealConcat):
            negative = any(signed[name] for name in layer.sources)
            highs = [clips[name].high for name in layer.sources]
            highest = None if None in highs else max(high for high in highs if high is not None)
            names = []
            for number, name in enumerate(layer.sources):
                low, high = clips[name]
                if (negative and low is not None and low >= 0) or high not in (None, highest):
                    limits = NO_CLIP if negative else Clip(0)
                    copy = _identity(f"{layer.name}_{number}", name, shapes[name][0], limits)
                    layers.append(copy)
                    name = copy.name
                names.append(name)
            layer = replace(layer, sources=tuple(names))
            clips[layer.name] = Clip(None if negative else 0, highest)
        elif isinstance(layer, RealMaxPool):
            clips[layer.name] = clips[layer.source]
        else:
            clips[layer.name] = layer.clip
        layers.append(layer)
    return replace(network, layers=tuple(layers))


def _identity(name: str, source: str, channels: int, clip: Clip) -> RealConv:
    """Copy of a map, to have another scale."""
    ones, zeros = np.ones((channels, 1, 1, 1)), np.zeros(channels)
    return RealConv(name, source, ones, zeros, groups=channels, clip=clip)
