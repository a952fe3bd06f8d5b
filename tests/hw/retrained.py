"""Networks with the structure of another one, as if it had been trained again."""

from dataclasses import replace

import numpy as np

from hw.layers import Add, AvgPool, Conv, Layer
from hw.network import Network


def retrained(network: Network, seed: int = 1) -> Network:
    """Draw other weights, biases and scales; scales are off by one power of two at most."""
    rng = np.random.default_rng(seed)
    return Network(
        network.name, tuple(_retrained(layer, rng) for layer in network.layers), network.outputs
    )


def _retrained(layer: Layer, rng: np.random.Generator) -> Layer:
    if isinstance(layer, Conv):
        limit = 1 << (layer.weight_bits - 1)
        weight = rng.integers(-limit, limit, layer.weight.shape) * layer.survivors
        bias = rng.permutation(layer.bias)
        if layer.multiplier is None or layer.shift is None or set(layer.multiplier) == {1}:
            return replace(layer, weight=weight, bias=bias)
        up = int(rng.integers(0, 2))
        multiplier = np.maximum(rng.permutation(layer.multiplier) - 1, 1)
        return replace(
            layer, weight=weight, bias=bias, multiplier=multiplier, shift=layer.shift + up
        )
    if isinstance(layer, AvgPool) and layer.multiplier > 1:
        return replace(layer, multiplier=layer.multiplier + 1, shift=layer.shift + 1)
    if isinstance(layer, Add) and max(layer.multipliers) > 1:
        a, b = layer.multipliers
        return replace(layer, multipliers=(b, a + 1))
    return layer
