"""Prunings of an integer network drawn at random: what one of this kind would save, untrained."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hw.layers import Conv, Input, Layer
from hw.network import Network

GROUP = 4  # outputs that share their mask in groups of kernels

Places = tuple[int, int, int, int]  # outputs, inputs, rows, columns of kernels


@dataclass(frozen=True)
class Pruning:
    """A pruning to draw.

    Parameters
    ----------
    granularity : str
        What is cut, one of `GRANULARITIES`.
    ratio : float
        Part of these that is cut from every layer, above 0 and below 1.
    seed : int
    """

    granularity: str = "kernel"
    ratio: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.granularity not in GRANULARITIES:
            known = ", ".join(GRANULARITIES)
            raise ValueError(f"granularity must be one of {known}, not {self.granularity!r}")
        if not 0 < self.ratio < 1:
            raise ValueError(f"ratio must be above 0 and below 1, not {self.ratio!r}")


def parse(text: str) -> Pruning:
    """Read ``ratio=0.5,granularity=kernel,seed=0``; each may be left out.

    Raises
    ------
    ValueError
        If a key is unknown or a value out of bounds.
    """
    kinds: dict[str, Callable] = {"ratio": float, "granularity": str, "seed": int}
    values = {}
    for item in filter(None, text.split(",")):
        key, _, value = item.partition("=")
        if key not in kinds:
            raise ValueError(f"a pruning must have keys of {', '.join(kinds)}, not {key!r}")
        try:
            values[key] = kinds[key](value)
        except ValueError as error:
            raise ValueError(f"{key} must be a number, not {value!r}") from error
    return Pruning(**values)


def draw(network: Network, pruning: Pruning) -> Network:
    """Prune a network at random.

    Feature maps are removed, with the slices of those who read them; the last layer keeps its
    outputs. Of anything finer, weights are masked.

    Raises
    ------
    ValueError
        If maps are to be cut from a layer whose channels depend on others, by groups or by several
        inputs; the layer is named.
    """
    rng = np.random.default_rng(pruning.seed)
    if pruning.granularity == "feature-map":
        return _without_maps(network, pruning.ratio, rng)
    mask = _MASKS[pruning.granularity]
    layers = [
        _masked(layer, mask(_places(layer), pruning.ratio, rng), pruning.granularity)
        if isinstance(layer, Conv)
        else layer
        for layer in network.layers
    ]
    return Network(network.name, tuple(layers), network.outputs)


def _places(layer: Conv) -> Places:
    outputs, inputs, rows, columns = layer.weight.shape
    return outputs, inputs, rows, columns


def _masked(layer: Conv, mask: np.ndarray, granularity: str) -> Conv:
    mask = mask & layer.survivors
    return dataclasses.replace(
        layer, weight=layer.weight * mask, mask=mask, granularity=granularity
    )


def _drawn(shape: tuple[int, ...], ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Cut a part of some places, rounded, at random."""
    count = int(np.prod(shape))
    return rng.permutation(np.arange(count) >= round(ratio * count)).reshape(shape)


def _weights(places: Places, ratio: float, rng: np.random.Generator) -> np.ndarray:
    return _drawn(places, ratio, rng)


def _kernels(places: Places, ratio: float, rng: np.random.Generator) -> np.ndarray:
    return np.broadcast_to(_drawn(places[:2], ratio, rng)[:, :, None, None], places)


def _groups(places: Places, ratio: float, rng: np.random.Generator) -> np.ndarray:
    drawn = _drawn((-(-places[0] // GROUP), places[1]), ratio, rng)
    drawn = np.repeat(drawn, GROUP, axis=0)[: places[0]]
    return np.broadcast_to(drawn[:, :, None, None], places)


def _columns(places: Places, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Cut places of the window, the same for all outputs."""
    return np.broadcast_to(_drawn(places[1:], ratio, rng), places)


def _grids(places: Places, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Keep every n-th place of a kernel, from an offset drawn for each input channel.

    A kernel of one place stays.
    """
    _, inputs, rows, columns = places
    if rows * columns == 1:
        return np.ones(places, bool)
    stride = max(round(1 / (1 - ratio)), 2)
    offset = rng.integers(0, stride, inputs)[:, None]
    kept = np.arange(rows * columns) % stride == offset
    return np.broadcast_to(kept.reshape(inputs, rows, columns), places)


_MASKS: dict[str, Callable[[Places, float, np.random.Generator], np.ndarray]] = {
    "kernel": _kernels,
    "kernel-group": _groups,
    "intra-kernel": _grids,
    "column": _columns,
    "weight": _weights,
}
GRANULARITIES = ("feature-map", *_MASKS)


def _without_maps(network: Network, ratio: float, rng: np.random.Generator) -> Network:
    """Remove maps, and what reads them."""
    kept: dict[str, np.ndarray] = {}  # by layer: the channels that stay
    layers: list[Layer] = []
    for layer in network.layers:
        channels = network.formats[layer.name].shape[0]
        if isinstance(layer, Input):
            kept[layer.name] = np.arange(channels)
        elif len(layer.inputs) > 1:
            raise ValueError(f"layer {layer.name!r} must have one input, if maps are to be cut")
        elif isinstance(layer, Conv):
            if layer.groups > 1:
                raise ValueError(f"layer {layer.name!r} must have no groups, if maps are to be cut")
            keep = np.ones(channels, bool)
            if layer.name not in network.outputs:
                keep = _drawn((channels,), min(ratio, 1 - 1 / channels), rng)
            kept[layer.name] = np.flatnonzero(keep)
            layer = _sliced(layer, kept[layer.name], kept[layer.source])
        else:
            (kept[layer.name],) = (kept[name] for name in layer.inputs)
        layers.append(layer)
    return Network(network.name, tuple(layers), network.outputs)


def _sliced(layer: Conv, outputs: np.ndarray, inputs: np.ndarray) -> Conv:
    """Keep some outputs of a layer, and some of its inputs."""

    def of_outputs(values: np.ndarray | None) -> np.ndarray | None:
        return None if values is None else values[outputs]

    return dataclasses.replace(
        layer,
        weight=layer.weight[outputs][:, inputs],
        mask=layer.survivors[outputs][:, inputs],
        bias=layer.bias[outputs],
        multiplier=of_outputs(layer.multiplier),
        shift=of_outputs(layer.shift),
        channels=tuple(layer.channels[output] for output in outputs),
        granularity="feature-map",
    )
