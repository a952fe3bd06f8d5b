"""Quantisation: a network of real numbers becomes one of integers.

A number is its integer times a scale; zero is always 0. `pruning.scales` chooses the scales, and
what is here follows from them.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hw.arithmetic import fixed_point
from hw.layers import Add, AvgPool, Concat, Conv, Input, Layer, MaxPool
from hw.network import Network
from pruning.observe import Range, observe
from pruning.prepare import prepare
from pruning.real_network import INPUT, RealNetwork
from pruning.reals import RealAdd, RealAvgPool, RealConcat, RealConv, RealMaxPool
from pruning.scales import Scales, Widths, choose


def quantise(
    network: RealNetwork,
    images: np.ndarray,
    *,
    name: str = "network",
    weight_bits: int = 8,
    activation_bits: int = 8,
    weight_bits_of: Mapping[str, int] | None = None,
    activation_bits_of: Mapping[str, int] | None = None,
    ranges: str = "minmax",
    percentile: float = 99.99,
    power_of_two: bool = False,
) -> Network:
    """Turn a trained network into the network of integers that the accelerator computes.

    Every output of a layer has its own scale of weights; but those of logits share one, so that the
    raw sums can be compared. All outputs of a layer share one shift.

    Parameters
    ----------
    network : RealNetwork
        As `pruning.importing.import_model` makes it.
    images : (N, C, H, W) uint8
        Held-out training pictures, from which the ranges of the activations are taken.
    name : str
        Name of the result.
    weight_bits, activation_bits : int
        Widths, 2 to 8; weights are signed, activations unsigned where they cannot be negative.
    weight_bits_of, activation_bits_of : dict of str to int
        Other widths of some layers.
    ranges : str
        What must fit: the largest activation (``minmax``), the one below which `percentile` percent
        lie (``percentile``), or what makes the sum of squared errors least (``mse``).
    percentile : float
        Above 0, up to 100.
    power_of_two : bool
        Whether every requantisation shall be a shift alone (its multiplier 1) where scales allow
        it. All outputs of a layer then share one scale of weights.

    Raises
    ------
    ValueError
        If a number is out of range, or a weight or an activation is not finite. The layer is named.
    """
    real, scales = quantised_parts(
        network,
        images,
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        weight_bits_of=weight_bits_of,
        activation_bits_of=activation_bits_of,
        ranges=ranges,
        percentile=percentile,
        power_of_two=power_of_two,
    )
    return assemble(real, scales, name)


def quantised_parts(
    network: RealNetwork,
    images: np.ndarray,
    *,
    weight_bits: int = 8,
    activation_bits: int = 8,
    weight_bits_of: Mapping[str, int] | None = None,
    activation_bits_of: Mapping[str, int] | None = None,
    ranges: str = "minmax",
    percentile: float = 99.99,
    power_of_two: bool = False,
) -> tuple[RealNetwork, Scales]:
    """Prepare a network and choose its scales, of which `assemble` makes the integer network.

    Arguments and errors are those of `quantise`.
    """
    for layer in network.layers:
        numbers = (layer.weight, layer.bias) if isinstance(layer, RealConv) else ()
        if not all(np.isfinite(values).all() for values in numbers):
            raise ValueError(f"layer {layer.name!r}: weights must be finite")
    if not len(images):
        raise ValueError("images must be at least one picture, not 0")
    network = prepare(network)
    seen = observe(network, images)
    widths = Widths(weight_bits, activation_bits, weight_bits_of, activation_bits_of)
    scales = choose(
        network, seen, widths, ranges=ranges, percentile=percentile, power_of_two=power_of_two
    )
    return with_corrected_biases(network, scales, seen), scales


def with_corrected_biases(
    network: RealNetwork, scales: Scales, seen: Mapping[str, Range]
) -> RealNetwork:
    """Take from every bias what rounding the weights adds to the output in the mean.

    Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV 2019;
    here with the means that pictures have.
    """
    layers = []
    for layer in network.layers:
        if isinstance(layer, RealConv):
            step = scales.steps[layer.name]
            rounded = integer_weights(layer, step, scales.weight_bits[layer.name])
            error = (rounded * step[:, None, None, None] - layer.weight).sum(axis=(2, 3))
            means = np.split(seen[layer.source].mean, layer.groups)
            per_output = np.repeat(means, len(error) // layer.groups, axis=0)
            layer = replace(layer, bias=layer.bias - (error * per_output).sum(axis=1))
        layers.append(layer)
    return replace(network, layers=tuple(layers))


def assemble(network: RealNetwork, scales: Scales, name: str) -> Network:
    """Make the integer network of a prepared one with all of its scales."""
    pixels = network.pixels
    scale = scales.formats[INPUT].scale
    layers: list[Layer] = [Input(INPUT, pixels.shape, pixels.bits, scale, pixels.offset)]
    for layer in network.layers:
        match layer:
            case RealConv():
                layers.append(_conv(layer, scales))
            case RealMaxPool():
                pool = MaxPool(layer.name, layer.source, layer.kernel, layer.stride, layer.padding)
                layers.append(pool)
            case RealAvgPool():
                layers.append(_average(layer, scales))
            case RealAdd():
                layers.append(_add(layer, scales))
            case RealConcat():
                layers.append(Concat(layer.name, layer.sources))
    return Network(name, tuple(layers), network.outputs)


def integer_weights(layer: RealConv, step: np.ndarray, bits: int) -> np.ndarray:
    """Round weights (O, C // groups, Kh, Kw) to the nearest integers of so many bits."""
    limit = (1 << (bits - 1)) - 1
    weight = np.clip(np.rint(layer.weight / step[:, None, None, None]), -limit, limit)
    return weight.astype(np.int64)


def _conv(layer: RealConv, scales: Scales) -> Conv:
    """Round weights and bias to integers; the sums are in units of ``scale * step``."""
    source, step = scales.formats[layer.source], scales.steps[layer.name]
    bits = scales.weight_bits[layer.name]
    form: dict = {"scale": float(source.scale * step[0])}
    if out := scales.formats.get(layer.name):
        multiplier, shift = fixed_point(source.scale * step / out.scale)
        form = {"multiplier": multiplier, "shift": shift, "scale": out.scale}
        form |= {"bits": out.bits, "signed": out.signed}
    return Conv(
        layer.name,
        layer.source,
        integer_weights(layer, step, bits),
        np.rint(layer.bias / (source.scale * step)).astype(np.int64),
        mask=layer.mask,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
        weight_bits=bits,
        channels=layer.channels,
        granularity=layer.granularity,
        **form,
    )


def _average(layer: RealAvgPool, scales: Scales) -> AvgPool:
    source, out = scales.formats[layer.source], scales.formats[layer.name]
    factor = source.scale / out.scale / (layer.kernel[0] * layer.kernel[1])
    multiplier, shift = fixed_point(np.array([factor]))
    return AvgPool(
        layer.name,
        layer.source,
        layer.kernel,
        layer.stride,
        int(multiplier[0]),
        int(shift[0]),
        layer.padding,
        out.bits,
        out.signed,
        out.scale,
    )


def _add(layer: RealAdd, scales: Scales) -> Add:
    a, b, out = (scales.formats[name] for name in (*layer.sources, layer.name))
    factors = np.array([a.scale, b.scale]) / out.scale
    multipliers, shift = fixed_point(factors)
    return Add(
        layer.name,
        layer.sources,
        (int(multipliers[0]), int(multipliers[1])),
        int(shift[0]),
        out.bits,
        out.signed,
        out.scale,
        layer.stride,
        layer.channels,
    )
