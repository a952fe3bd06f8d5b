"""What the benchmark measures: convolutions 3x3, pad 1, int8, dense and pruned in four ways."""

from dataclasses import dataclass, replace

import numpy as np

from hw.arithmetic import MAX_MULTIPLIER_BITS
from hw.layers import Conv, Input
from hw.network import Network


@dataclass(frozen=True)
class Shape:
    """Channels in and out, columns and rows of the square picture, and stride."""

    inputs: int
    outputs: int
    size: int
    stride: int = 1


SHAPES = {
    "L1": Shape(1, 16, 28),
    "L2": Shape(16, 32, 14),
    "L3": Shape(3, 16, 32),
    "L4": Shape(16, 16, 32),
    "L5": Shape(32, 64, 16, stride=2),
    "L6": Shape(64, 64, 8),
}
VARIANTS = {
    "dense": "nothing pruned",
    "channels": "half the channels in and out",
    "kernels": "half of the kernels, at random",
    "grid": "a stride-2 grid in each kernel, offset by the input channel",
    "groups": "half of the kernels, at random, outputs in groups of 4 alike",
}
SCALES = {
    "multiplier": "a multiplier of up to 16 bits and a shift",
    "shift": "a shift, the same for all outputs",
}
BUDGETS = (36, 144)
GROUP = 4  # outputs that share their mask in the variant of groups
SOURCE = "picture"
_GRANULARITIES = dict(
    zip(VARIANTS, ("dense", "feature-map", "kernel", "intra-kernel", "kernel-group"), strict=True)
)


@dataclass(frozen=True)
class Case:
    """A layer, as it is pruned and built.

    Parameters
    ----------
    layer : str
        One of `SHAPES`.
    variant : str
        What is pruned, one of `VARIANTS`.
    budget : int
        Of multipliers.
    scales : str
        How sums are scaled, one of `SCALES`.
    cells : str
        Family of `hw.cells` that it is made of.
    """

    layer: str
    variant: str
    budget: int
    scales: str = "multiplier"
    cells: str = "portable"

    @property
    def name(self) -> str:
        """Identifier: of what is not as usual, only."""
        usual = "multiplier", "portable"
        made = [one for one in (self.scales, self.cells) if one not in usual]
        return "_".join([self.layer, self.variant, str(self.budget), *made])

    @property
    def dense(self) -> "Case":
        """The same layer and budget with nothing pruned."""
        return replace(self, variant="dense")

    @property
    def network(self) -> Network:
        """The network of the layer."""
        return network(self.layer, self.variant, scales=self.scales)


def network(layer: str, variant: str, seed: int = 0, scales: str = "multiplier") -> Network:
    """Make a network of one layer, its weights, biases and scales drawn by the seed."""
    shape, rng = SHAPES[layer], np.random.default_rng(seed)
    inputs, outputs = shape.inputs, shape.outputs
    if variant == "channels":
        inputs, outputs = max(inputs // 2, 1), outputs // 2
    mask = _mask(variant, outputs, inputs, rng)
    weight = rng.integers(-127, 128, mask.shape) * mask
    multiplier, shift = _scales(weight) if scales == "multiplier" else _shifts(weight)
    conv = Conv(
        layer,
        SOURCE,
        weight,
        rng.integers(-1000, 1001, outputs),
        multiplier,
        shift,
        mask=mask,
        stride=(shape.stride, shape.stride),
        padding=(1, 1, 1, 1),
        granularity=_GRANULARITIES[variant],
    )
    picture = Input(SOURCE, (inputs, shape.size, shape.size))
    return Network(f"{layer}_{variant}", (picture, conv))


def pictures(network: Network, frames: int, seed: int = 0) -> np.ndarray:
    """Draw frames (N, C, H, W) of any pixels that the input takes."""
    stream = network.input.stream
    rng = np.random.default_rng(seed)
    return rng.integers(stream.low, stream.high + 1, (frames, *stream.shape))


def _mask(variant: str, outputs: int, inputs: int, rng: np.random.Generator) -> np.ndarray:
    """Surviving weights (O, C, 3, 3)."""
    mask = np.ones((outputs, inputs, 3, 3), bool)
    if variant == "kernels":
        mask &= _half((outputs, inputs), rng)[:, :, None, None]
    elif variant == "groups":
        mask &= np.repeat(_half((outputs // GROUP, inputs), rng), GROUP, axis=0)[:, :, None, None]
    elif variant == "grid":
        place = np.arange(9).reshape(3, 3)
        mask &= place % 2 == (np.arange(inputs) % 2)[:, None, None]
    return mask


def _half(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Keep half of the places, at random."""
    count = shape[0] * shape[1]
    return rng.permutation(np.arange(count) < count // 2).reshape(shape)


def _scales(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Multiplier and shift of every output that bring its sums of random pixels to about 64."""
    factor = _factor(weight)
    shift = int(np.log2((1 << MAX_MULTIPLIER_BITS) / factor.max())) - 1
    return np.rint(factor * 2.0**shift).astype(np.int64), np.full(len(factor), shift)


def _shifts(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bring sums to about 64 by one shift."""
    shift = round(-np.log2(_factor(weight).mean()))
    return np.ones(len(weight), np.int64), np.full(len(weight), shift)


def _factor(weight: np.ndarray) -> np.ndarray:
    """Bring the sums of every output, of random pixels, to about 64."""
    spread = 150 * np.sqrt((weight.astype(np.float64) ** 2).sum(axis=(1, 2, 3)))
    return 64 / np.where(spread > 0, spread, spread.max())
