"""Folding: a chain as weights and biases alone, batch normalisation and pixel scales in them."""

from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from pruning.chain import Step, UnsupportedLayer, structure, walk
from pruning.data import Pixels
from pruning.models import Model

Pair = tuple[int, int]
Edges = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class Block:
    """A convolution with what follows it up to its ReLU.

    Parameters
    ----------
    name : str
        Name of the convolution or linear layer.
    weight : (O, C, Kh, Kw) float64
        A linear layer's kernel covers the whole map.
    bias : (O,) float64
    stride, dilation : (vertical, horizontal)
    padding : (top, bottom, left, right)
    relu : str
        Name of the ReLU, or empty if the sums leave as they are.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    stride: Pair = (1, 1)
    padding: Edges = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    relu: str = ""


@dataclass(frozen=True)
class Pool:
    """Max pooling."""

    name: str
    kernel: Pair
    stride: Pair
    padding: Edges


def fold(model: Model) -> list[Block | Pool]:
    """Divide a chain into blocks that take pixels less their offset, times `input_scale`.

    Raises
    ------
    UnsupportedLayer
        If a layer is not supported, or not where it can be.
    ValueError
        If a weight is not finite. The layer is named.
    """
    structure(model.module)  # refuses what is not supported
    blocks: list[Block | Pool] = []
    maps = model.pixels.shape  # as they were before they were flattened
    for step in walk(model.module, maps):
        last = blocks[-1] if blocks else None
        summing = isinstance(last, Block) and not last.relu
        match step.layer:
            case nn.Conv2d() | nn.Linear() if not summing:
                blocks.append(_block(step, maps, None if blocks else model.pixels))
            case nn.BatchNorm2d() if isinstance(last, Block) and summing:
                blocks[-1] = _normalised(last, step.layer)
            case nn.ReLU() if isinstance(last, Block) and summing:
                blocks[-1] = replace(last, relu=step.name)
            case nn.MaxPool2d() if blocks and not summing:
                blocks.append(_pool(step.name, step.layer))
            case nn.Flatten():
                continue
            case _:
                raise UnsupportedLayer(
                    f"layer {step.name!r} must keep to the order convolution, normalisation, ReLU,"
                    " pooling"
                )
        maps = step.output if len(step.output) == 3 else (*step.output, 1, 1)
    if not blocks or not isinstance(last := blocks[-1], Block) or last.relu:
        raise UnsupportedLayer("the last layer must be a convolution or linear, without ReLU")
    for block in blocks:
        finite = isinstance(block, Pool) or (
            np.isfinite(block.weight).all() and np.isfinite(block.bias).all()
        )
        if not finite:
            raise ValueError(f"layer {block.name!r}: weights must be finite")
    return blocks


def input_scale(pixels: Pixels) -> float:
    """Choose the one scale of the pixels; what channels differ from it goes into weights."""
    return float(np.mean(pixels.scale))


def _block(step: Step, maps: tuple[int, ...], pixels: Pixels | None) -> Block:
    layer = step.layer
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    weight = layer.weight.detach().double().numpy()
    bias = np.zeros(len(weight)) if layer.bias is None else layer.bias.detach().double().numpy()
    if isinstance(layer, nn.Linear):
        block = Block(step.name, weight.reshape(len(weight), *maps), bias)
    else:
        pairs = (_pair(layer.stride), _edges(layer.padding), _pair(layer.dilation))
        block = Block(step.name, weight, bias, *pairs)
    if pixels is None:
        return block
    relative = np.array(pixels.scale) / input_scale(pixels)
    return replace(block, weight=block.weight * relative[:, None, None])


def _normalised(block: Block, norm: nn.BatchNorm2d) -> Block:
    """Fold batch normalisation, as it is in evaluation, into the convolution before it."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = norm.running_mean.double().numpy(), norm.running_var.double().numpy()
    with np.errstate(invalid="ignore"):  # `fold` refuses what comes of it
        gain = norm.weight.detach().double().numpy() / np.sqrt(variance + norm.eps)
        bias = (block.bias - mean) * gain + norm.bias.detach().double().numpy()
        return replace(block, weight=block.weight * gain[:, None, None, None], bias=bias)


def _pool(name: str, layer: nn.MaxPool2d) -> Pool:
    return Pool(name, _pair(layer.kernel_size), _pair(layer.stride), _edges(layer.padding))


def _pair(value: int | tuple[int, ...]) -> Pair:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def _edges(padding: str | int | tuple[int, ...]) -> Edges:
    assert not isinstance(padding, str)  # `structure` refuses it
    vertical, horizontal = _pair(padding)
    return (vertical, vertical, horizontal, horizontal)
