"""Quantisation: a floating-point model becomes a network of integers.

A number is its integer times a scale. Scales of weights follow from the weights, those of
activations from pictures that the model was not trained on; zero is always 0.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from hw.arithmetic import MAX_MULTIPLIER_BITS, MAX_SHIFT
from hw.layers import Conv, Input, Layer, MaxPool
from hw.network import Network
from pruning.data import Pixels
from pruning.evaluate import BATCH, normalise
from pruning.fold import Block, Pool, fold, input_scale
from pruning.models import Model

SPREAD = 256  # an output's scale of weights is at least the layer's largest one divided by this


def quantise(
    model: Model,
    images: np.ndarray,
    *,
    name: str = "network",
    weight_bits: int = 8,
    activation_bits: int = 8,
    percentile: float = 100.0,
    power_of_two: bool = False,
) -> Network:
    """Turn a trained model into the network of integers that the accelerator computes.

    Batch normalisation is folded. Every output has its own scale of weights; but the last layer's
    share one, so that its raw sums can be compared. All outputs of a layer share one shift.

    Parameters
    ----------
    model : Model
        Convolutions and linear layers, each with ReLU, perhaps batch normalisation and max pooling;
        at last one alone.
    images : (N, C, H, W) uint8
        Validation pictures, from which the ranges of the activations are taken.
    name : str
        Name of the network.
    weight_bits, activation_bits : int
        Widths, 2 to 8; weights are signed, activations unsigned.
    percentile : float
        Where, among the largest activations of all pictures, that one lies which must just fit;
        above 0, up to 100.
    power_of_two : bool
        Whether every requantisation shall be a shift alone (its multiplier 1). All outputs of a
        layer then share one scale of weights.

    Raises
    ------
    ValueError
        If a number is out of range, or a weight or an activation is not finite.
    UnsupportedLayer
        If the layers are not such a chain. The layer is named.
    """
    for key, bits in (("weight_bits", weight_bits), ("activation_bits", activation_bits)):
        if not 2 <= bits <= 8:
            raise ValueError(f"{key} must be 2 to 8, not {bits!r}")
    if not len(images):
        raise ValueError("images must be at least one picture, not 0")
    if not 0 < percentile <= 100:
        raise ValueError(f"percentile must be above 0 and at most 100, not {percentile!r}")
    blocks = fold(model)
    tops = _tops(model, images, percentile)
    scale, maps = input_scale(model.pixels), ""  # of the activations; the layer that made them
    layers: list[Layer] = [_input(model.pixels, scale)]
    for block in blocks:
        source = layers[-1].name
        if isinstance(block, Pool):
            layers.append(MaxPool(block.name, source, block.kernel, block.stride, block.padding))
            continue
        steps = weight_steps(block.weight, weight_bits, power_of_two or not block.relu)
        form: dict[str, Any] = {"scale": float(scale * steps[0])}
        if block.relu:
            out = tops[block.relu] / ((1 << activation_bits) - 1)
            if power_of_two:
                steps, out = _to_power_of_two(steps, scale, out)
            limit = 1 if power_of_two else (1 << MAX_MULTIPLIER_BITS) - 1
            multiplier, shift = requantisation(scale * steps / out, limit)
            form = {"multiplier": multiplier, "shift": shift, "bits": activation_bits}
            form["scale"] = float(out)
        if block.name in model.channels or maps in model.channels:
            form["granularity"] = "feature-map"
        form["channels"] = model.channels.get(block.name, ())
        layers.append(_conv(block, source, steps, scale, weight_bits, form))
        scale, maps = form["scale"], block.name
    return Network(name, tuple(layers))


def weight_steps(weight: np.ndarray, bits: int, common: bool) -> np.ndarray:
    """Real value of one least significant bit of every output's weights.

    Parameters
    ----------
    weight : (O, C, Kh, Kw) float64
        Weights; the largest of an output is to become ``2**(bits - 1) - 1``.
    bits : int
        Width of a weight.
    common : bool
        Whether all outputs share the largest one's.

    Returns
    -------
    (O,) float64
        Positive; at least 1 / `SPREAD` of the largest, so that multipliers keep their precision
        and biases stay short even where all weights of an output are zero.
    """
    largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    top = largest.max() or 1.0
    return np.maximum(largest, top if common else top / SPREAD) / ((1 << (bits - 1)) - 1)


def requantisation(factor: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Approximate factors (O,) by ``multiplier / 2**shift`` with one shift, as large as it can be.

    Parameters
    ----------
    factor : (O,) float64
        Positive factors from sums to activations.
    limit : int
        Largest multiplier.

    Returns
    -------
    multiplier, shift : (O,) int64
    """
    shift = int(np.clip(np.floor(np.log2(limit / factor.max()) + 1e-9), 1, MAX_SHIFT))
    multiplier = np.rint(factor * 2.0**shift).astype(np.int64)
    return multiplier, np.full(len(factor), shift, np.int64)


def _to_power_of_two(steps: np.ndarray, scale: float, out: float) -> tuple[np.ndarray, float]:
    """Widen the steps of weights, all equal, until ``scale * step / out`` is 2**-n, n > 0."""
    out = max(out, 2 * scale * steps[0])
    shift = np.floor(np.log2(out / (scale * steps[0])) + 1e-9)
    return np.full(len(steps), out / scale * 2.0**-shift), out


def _conv(
    block: Block, source: str, steps: np.ndarray, scale: float, bits: int, form: dict[str, Any]
) -> Conv:
    """Round weights and bias to integers; the sums are in units of ``scale * steps``."""
    limit = (1 << (bits - 1)) - 1
    weight = np.clip(np.rint(block.weight / steps[:, None, None, None]), -limit, limit)
    return Conv(
        block.name,
        source,
        weight.astype(np.int64),
        np.rint(block.bias / (scale * steps)).astype(np.int64),
        stride=block.stride,
        padding=block.padding,
        dilation=block.dilation,
        weight_bits=bits,
        **form,
    )


def _input(pixels: Pixels, scale: float) -> Input:
    return Input("input", pixels.shape, pixels.bits, scale, pixels.offset)


@torch.no_grad()
def _tops(model: Model, images: np.ndarray, percentile: float) -> dict[str, float]:
    """Largest activation that must fit behind every ReLU; 1 where nothing is ever active."""
    peaks: dict[str, list[torch.Tensor]] = {}
    for start in range(0, len(images), BATCH):
        x = normalise(images[start : start + BATCH], model.pixels)
        for name, layer in model.module.eval().named_children():
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                peaks.setdefault(name, []).append(x.flatten(1).amax(dim=1))
    tops = {}
    for name, parts in peaks.items():
        tops[name] = float(np.percentile(torch.cat(parts).numpy(), percentile)) or 1.0
        if not np.isfinite(tops[name]):
            raise ValueError(f"layer {name!r}: activations must be finite")
    return tops
