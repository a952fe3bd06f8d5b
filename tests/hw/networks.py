"""Layers and networks to test the hardware half with."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from hw.layers import Activation, Conv, Input, MaxPool
from hw.network import Network
from hw.plan import Fold, Folding, LayerPlan, plan
from hw.rows import Rows

Rng = np.random.Generator
NO_PADDING = (0, 0, 0, 0)


def conv(
    rng: Rng,
    name: str = "conv",
    source: str = "x",
    channels: tuple[int, int] = (3, 4),  # input, output
    kernel: tuple[int, int] = (3, 3),
    padding: tuple[int, int, int, int] | None = None,  # default: as many columns as before
    density: float = 1.0,
    by_kernel: bool = False,
    raw: bool = False,
    scaled: bool = True,
    weight_bits: int = 8,
    **options,
) -> Conv:
    """Draw a convolution; `density` says what part of the weights, or kernels, survives."""
    inputs, outputs = channels
    (kh, kw), (dh, dw) = kernel, options.get("dilation", (1, 1))
    if padding is None:
        before = dh * (kh - 1) // 2, dw * (kw - 1) // 2
        padding = (before[0], dh * (kh - 1) - before[0], before[1], dw * (kw - 1) - before[1])
    shape = (outputs, inputs // options.get("groups", 1), kh, kw)
    mask = rng.random((*shape[:2], 1, 1) if by_kernel else shape) < density
    mask = np.broadcast_to(mask, shape)
    limit = 1 << (weight_bits - 1)
    scale = {}
    if not raw:
        shift = rng.integers(7, 14, outputs)
        same = np.ones(outputs, int)
        scale = {"multiplier": rng.integers(0, 200, outputs) if scaled else same}
        scale["shift"] = shift if scaled else same * shift[0]
    return Conv(
        name,
        source,
        rng.integers(-limit, limit, shape) * mask,
        rng.integers(-200, 200, outputs),
        mask=mask,
        padding=padding,
        weight_bits=weight_bits,
        **scale,
        **options,
    )


def picture_of(source: Activation, name: str = "x") -> Input:
    return Input(name, source.shape, source.bits, source.scale, (), source.signed)


def layer_plan(
    layer: Conv | MaxPool, shape: tuple[int, int, int], fold: Fold, lanes: int = 1, **picture
) -> LayerPlan:
    """Plan one layer behind an input whose beats have `lanes` pixels."""
    network = Network("net", (Input(layer.source, shape, **picture), layer))
    (made,) = plan(network, {layer.source: Fold(lanes), layer.name: fold})
    assert isinstance(made, LayerPlan)
    return made


def pictures(network: Network, frames: int, seed: int = 1) -> np.ndarray:
    stream = network.input.stream
    rng = np.random.default_rng(seed)
    return rng.integers(stream.low, stream.high, (frames, *stream.shape), endpoint=True)


def windows(rows: Rows) -> Iterator[list[int | None]]:
    """All windows of a layer for ever: of each row its number among those stored, else None.

    Stored are the rows that a tap reads, and the first if the first window would need none.
    """
    starts = [y * rows.stride - rows.top for y in range(rows.outputs)]
    read = {start + tap for start in starts for tap in rows.taps} & set(range(rows.height))
    if not any(x < rows.extent - rows.top for x in read):
        read.add(0)
    number = {x: index for index, x in enumerate(sorted(read))}
    for frame in count():
        for start in starts:
            inside = (number.get(start + k) for k in range(rows.extent))
            yield [None if x is None else frame * len(read) + x for x in inside]


@dataclass(frozen=True)
class Case:
    """A network and its folds."""

    network: Network
    folding: Folding
