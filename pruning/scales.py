"""Scales: the real value of one least significant bit, of every activation and weight."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hw.layers import Input
from pruning.observe import Range
from pruning.real_network import INPUT, RealNetwork
from pruning.reals import (
    NO_CLIP,
    RealAdd,
    RealAvgPool,
    RealConcat,
    RealConv,
    RealLayer,
    RealMaxPool,
)

SPREAD = 256  # an output's scale of weights is at least the layer's largest one divided by this
RANGES = ("minmax", "percentile", "mse")
_SHRINKS = np.linspace(1, 0.5, 26)  # parts of the largest weight that may be the largest integer


@dataclass(frozen=True)
class Format:
    """Scale, width and sign of an activation."""

    scale: float
    bits: int
    signed: bool

    @property
    def low(self) -> int:
        """Least integer."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest integer."""
        return (1 << (self.bits - self.signed)) - 1


@dataclass(frozen=True, eq=False)
class Scales:
    """All scales of a network.

    Parameters
    ----------
    formats : dict of str to Format
        Of the picture (`pruning.reals.INPUT`) and of every layer but those whose sums leave as they
        are.
    steps : dict of str to (O,) float64
        Scale of every convolution's weights, for each output.
    weight_bits : dict of str to int
        Width of every convolution's weights.
    """

    formats: dict[str, Format]
    steps: dict[str, np.ndarray]
    weight_bits: dict[str, int]


@dataclass(frozen=True)
class Widths:
    """Bits of weights and activations: one number for all layers, and others for some by name."""

    weights: int = 8
    activations: int = 8
    weights_of: Mapping[str, int] | None = None
    activations_of: Mapping[str, int] | None = None

    def check(self, names: set[str]) -> None:
        """Raise ValueError if a width is out of range or a layer is not there."""
        for key, bits, of in (
            ("weight_bits", self.weights, self.weights_of or {}),
            ("activation_bits", self.activations, self.activations_of or {}),
        ):
            for name in of:
                if name not in names:
                    raise ValueError(f"{key}: there is no layer {name!r}")
            for value in (bits, *of.values()):
                if not 2 <= value <= 8:
                    raise ValueError(f"{key} must be 2 to 8, not {value!r}")

    def of_weights(self, name: str) -> int:
        """Width of a layer's weights."""
        return (self.weights_of or {}).get(name, self.weights)

    def of_activations(self, name: str) -> int:
        """Width of a layer's result."""
        return (self.activations_of or {}).get(name, self.activations)


def choose(
    network: RealNetwork,
    seen: Mapping[str, Range],
    widths: Widths,
    *,
    ranges: str,
    percentile: float,
    power_of_two: bool,
) -> Scales:
    """Choose all scales of a network that is prepared.

    Of activations by what they are on some pictures; those that a concat joins, and those before
    and behind max pooling, have one scale. Of weights by least squares.

    Parameters
    ----------
    seen : dict of str to Range
        What `pruning.observe.observe` found.
    ranges : str
        One of `RANGES`: the largest number must just fit, or that below which so many percent lie,
        or the squares of the errors are to be least in sum.
    power_of_two : bool
        Whether all ratios of scales that are requantised shall be powers of two.
    """
    if ranges not in RANGES:
        raise ValueError(f"ranges must be one of {', '.join(RANGES)}, not {ranges!r}")
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile must be above 0 and at most 100, not {percentile!r}")
    widths.check({layer.name for layer in network.layers})
    raw, tied = raw_sums(network), ties(network)
    convs = {layer.name: layer for layer in network.layers if isinstance(layer, RealConv)}
    bits_of = {name: widths.of_weights(name) for name in convs}
    steps = {
        name: weight_steps(layer.weight, bits_of[name], power_of_two or name in raw)
        for name, layer in convs.items()
    }

    def top(name: str, most: int) -> float:
        """Largest activation of a layer that must fit into so many steps."""
        found = seen[name]
        if ranges == "percentile":
            found = found.percentile(percentile)
        elif ranges == "mse":
            found = found.least_squares(most)
        return max(found.high, -found.low)

    formats, signed = _picture_formats(network, tied, raw), signs(network)
    makers = [layer.name for layer in network.layers if layer.name in tied and _scales(layer)]
    for group in {tied[name]: None for name in makers}:
        members = [name for name in makers if tied[name] == group]
        sign = any(signed[name] for name in members)
        bits = max(widths.of_activations(name) for name in members)
        most = (1 << (bits - sign)) - 1
        scale = (max(top(name, most) for name in members) or 1.0) / most
        if power_of_two:  # a shift is 1 at least
            sources = [(name, convs[name].source) for name in members if name in convs]
            least = [2 * formats[s].scale * steps[name][0] for name, s in sources if s in formats]
            scale = float(2.0 ** np.ceil(np.log2(max([scale, *least])) - 1e-9))
        formats |= {name: Format(scale, bits, sign) for name in tied if tied[name] == group}
    if power_of_two:
        for name in convs.keys() - raw:
            ratio = formats[name].scale / formats[convs[name].source].scale
            shift = np.maximum(np.floor(np.log2(ratio / steps[name]) + 1e-9), 1)
            steps[name] = ratio * 2.0**-shift
    return Scales(formats, steps, bits_of)


def _picture_formats(
    network: RealNetwork, tied: Mapping[str, str], raw: set[str]
) -> dict[str, Format]:
    """Format of the picture, and of what max pooling makes of it."""
    picture = Input(INPUT, network.pixels.shape, network.pixels.bits, offset=network.pixels.offset)
    entered = picture.output()
    formats = {INPUT: Format(network.pixels.scale[0], entered.bits, entered.signed)}
    for layer in network.layers:
        if layer.name not in tied and layer.name not in raw:
            formats[layer.name] = formats[layer.inputs[0]]
    return formats


def raw_sums(network: RealNetwork) -> set[str]:
    """Layers whose sums leave the network as they are: the logits."""
    taken = {name for layer in network.layers for name in layer.inputs}
    return {
        layer.name
        for layer in network.layers
        if isinstance(layer, RealConv)
        and layer.name in network.outputs
        and layer.name not in taken
        and layer.clip == NO_CLIP
    }


def weight_steps(weight: np.ndarray, bits: int, common: bool) -> np.ndarray:
    """Real value of one least significant bit of every output's weights.

    Parameters
    ----------
    weight : (O, C, Kh, Kw) float64
    bits : int
        Width of a weight.
    common : bool
        Whether all outputs share one.

    Returns
    -------
    (O,) float64
        Of some, between that with which the largest weight just fits and half of it, the one with
        the least sum of squared errors; at least 1 / `SPREAD` of the largest, so that multipliers
        keep their precision and biases stay short even where all weights of an output are zero.
    """
    limit = (1 << (bits - 1)) - 1
    flat = weight.reshape(1 if common else len(weight), -1)
    largest = np.abs(flat).max(axis=1)
    top = largest.max() or 1.0
    steps = np.maximum(largest, top / SPREAD)[:, None] * _SHRINKS / limit  # (O, candidates)
    errors = np.stack(
        [
            np.square(np.clip(np.rint(flat / s[:, None]), -limit, limit) * s[:, None] - flat).sum(1)
            for s in steps.T
        ]
    )
    best = steps[np.arange(len(steps)), errors.argmin(axis=0)]
    return np.broadcast_to(best, len(weight)).copy()


def _scales(layer: RealLayer) -> bool:
    """Whether a layer requantises: it has a scale of its own."""
    return isinstance(layer, RealConv | RealAdd | RealAvgPool)


def signs(network: RealNetwork) -> dict[str, bool]:
    """Whether a layer's result may be negative."""
    picture = Input(INPUT, network.pixels.shape, network.pixels.bits, offset=network.pixels.offset)
    signed = {INPUT: picture.output().signed}
    for layer in network.layers:
        sources = any(signed[name] for name in layer.inputs)
        if isinstance(layer, RealConv | RealAdd | RealAvgPool) and layer.clip.low is not None:
            signed[layer.name] = layer.clip.low < 0
        else:
            signed[layer.name] = sources or isinstance(layer, RealConv)
    return signed


def ties(network: RealNetwork) -> dict[str, str]:
    """For every layer that has a scale but the picture's, one of those with which it shares it."""
    parent: dict[str, str] = {}
    raw = raw_sums(network)

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    for layer in network.layers:
        if layer.name in raw:
            continue
        parent[layer.name] = layer.name
        if isinstance(layer, RealMaxPool | RealConcat):
            for name in layer.inputs:
                if name in parent:
                    parent[root(name)] = root(layer.name)
                else:  # the picture, which has its own
                    del parent[layer.name]
                    break
    return {name: root(name) for name in parent}
