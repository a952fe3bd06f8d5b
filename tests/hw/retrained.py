"""Networks, and others of the same structure, as if they had been trained again."""

from dataclasses import replace

import numpy as np

from hw.arithmetic import MAX_SHIFT, one_shift
from hw.fold import Fold
from hw.layers import Add, AvgPool, Conv, Input, Layer, MaxPool
from hw.network import Network
from tests.hw.networks import NO_PADDING, Case, conv


def chain() -> Case:
    """Lists that are cut, two streams, tied and untied scales, raw sums."""
    rng = np.random.default_rng(5)
    layers = (
        Input("x", (2, 6, 7), bits=5, offset=(3, 17)),
        conv(rng, "a", "x", (2, 5), stride=(1, 1), density=0.6),
        MaxPool("p", "a", (2, 2), (2, 2), (0, 0, 1, 0)),
        conv(rng, "b", "p", (5, 4), stride=(2, 1), density=0.4, by_kernel=True, signed=True),
        conv(rng, "s", "b", (4, 4), (1, 1), padding=NO_PADDING, scaled=False, weight_bits=3),
        conv(rng, "c", "s", (4, 3), (2, 4), padding=NO_PADDING, raw=True),
    )
    folding = {
        "x": Fold(3),
        "a": Fold(4, 2, 2),
        "p": Fold(3, 1, 2),
        "b": Fold(2, 3),
        "s": Fold(1, 1, 3, 2),
        "c": Fold(1, 1, 3),
    }
    return Case(Network("chain", layers), folding)


def residual() -> Case:
    """An add and an average, and two outputs."""
    rng = np.random.default_rng(6)
    layers = (
        Input("x", (3, 5, 6)),
        conv(rng, "a", "x", (3, 4), bits=6),
        conv(rng, "b", "a", (4, 4), density=0.5, signed=True),
        Add("s", ("b", "a"), (40, 13), 6, signed=True),
        AvgPool("g", "s", (5, 6), (1, 1), 9, 8),
        conv(rng, "c", "g", (4, 3), (1, 1), padding=NO_PADDING, raw=True),
    )
    folding = {
        "x": Fold(2),
        "a": Fold(3, 2),
        "b": Fold(2, 2, 2),
        "g": Fold(1, 1, 2),
        "c": Fold(1, 3),
    }
    return Case(Network("residual", layers, ("c", "s")), folding)


def retrained(network: Network, seed: int = 1) -> Network:
    """Draw other weights and biases; scales are others, by a power of two at most."""
    rng = np.random.default_rng(seed)
    return Network(
        network.name, tuple(_retrained(layer, rng) for layer in network.layers), network.outputs
    )


def _retrained(layer: Layer, rng: np.random.Generator) -> Layer:
    if isinstance(layer, Conv):
        limit = 1 << (layer.weight_bits - 1)
        weight = rng.integers(-limit, limit, layer.weight.shape) * layer.survivors
        layer = replace(layer, weight=weight, bias=rng.permutation(layer.bias))
        if layer.multiplier is None or layer.shift is None:
            return layer
        if not one_shift(layer.multiplier, layer.shift)[0]:
            return layer
        multiplier = np.maximum(layer.multiplier - 1, np.minimum(layer.multiplier, 1))
        up = rng.integers(0, 2) if layer.shift.max() < MAX_SHIFT else 0
        return replace(layer, multiplier=multiplier, shift=layer.shift + up)
    if isinstance(layer, AvgPool) and layer.multiplier & (layer.multiplier - 1):
        return replace(layer, multiplier=layer.multiplier - 1)
    if isinstance(layer, Add) and len({*layer.multipliers}) > 1:
        a, b = layer.multipliers
        return replace(layer, multipliers=(b, a))
    return layer
