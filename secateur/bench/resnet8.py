"""ResNet-8 of MLPerf Tiny as an integer network: from its trained weights, or from random ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hw.arithmetic import MAX_MULTIPLIER_BITS, MAX_SHIFT, windows
from hw.layers import Add, AvgPool, Conv, Input, Layer
from hw.network import Network

_EPSILON = 1e-3  # of the batch normalisation
_NORMALISED = (0, 1, 2, 3, 4, 6, 7)  # convolutions with a batch normalisation behind them
_CONVS = (  # source, channels of source, outputs, kernel, stride, ReLU
    ("picture", 3, 16, 3, 1, True),
    ("c0", 16, 16, 3, 1, True),
    ("c1", 16, 16, 3, 1, False),
    ("add0", 16, 32, 3, 2, True),
    ("c3", 32, 32, 3, 1, False),
    ("add0", 16, 32, 1, 2, False),
    ("add1", 32, 64, 3, 2, True),
    ("c6", 64, 64, 3, 1, False),
    ("add1", 32, 64, 1, 2, False),
)
_ADDS = {"add0": ("c2", "c0"), "add1": ("c4", "c5"), "add2": ("c7", "c8")}
_COUPLED = (("c0", "c2"), ("c1",), ("c3",), ("c4", "c5"), ("c6",), ("c7", "c8"))


@dataclass(frozen=True)
class Real:
    """A convolution of real numbers, its batch normalisation folded in.

    Parameters
    ----------
    source : str
    weight : (O, C, K, K)
    bias : (O,)
    stride : int
    relu : bool
    """

    source: str
    weight: np.ndarray
    bias: np.ndarray
    stride: int = 1
    relu: bool = False

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Top, bottom, left and right; TensorFlow pads less before than behind ("same")."""
        if self.weight.shape[2] == 1:
            return (0, 0, 0, 0)
        return (0, 1, 0, 1) if self.stride == 2 else (1, 1, 1, 1)

    def compute(self, x: np.ndarray) -> np.ndarray:
        """Compute (N, O, H, W) of maps (N, C, H, W)."""
        stride = (self.stride, self.stride)
        view = windows(x, self.weight.shape[2:], stride, self.padding, (1, 1), 0)
        y = np.einsum("nchwij,ocij->nohw", view, self.weight, optimize=True)
        y += self.bias[:, None, None]
        return np.maximum(y, 0) if self.relu else y


Reals = Mapping[str, Real]


def from_file(path: Path) -> Reals:
    """Read trained weights: ``c.0`` to ``c.8`` and ``fc``, batch normalisations ``b.0`` to ``b.6``.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it has other tensors; the file is named.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = {key: value.astype(np.float64) for key, value in load_file(path).items()}
        reals = {}
        for index, (source, inputs, outputs, kernel, stride, relu) in enumerate(_CONVS):
            weight, bias = tensors[f"c.{index}.weight"], tensors[f"c.{index}.bias"]
            if weight.shape != (outputs, inputs, kernel, kernel):
                raise ValueError(f"c.{index} has shape {weight.shape}")
            if index in _NORMALISED:
                mean, var, gamma, beta = (
                    tensors[f"b.{_NORMALISED.index(index)}.{key}"]
                    for key in ("running_mean", "running_var", "weight", "bias")
                )
                factor = gamma / np.sqrt(var + _EPSILON)
                weight, bias = weight * factor[:, None, None, None], (bias - mean) * factor + beta
            reals[f"c{index}"] = Real(source, weight, bias, stride, relu)
        reals["fc"] = Real("mean", tensors["fc.weight"][:, :, None, None], tensors["fc.bias"])
    except (KeyError, SafetensorError, ValueError) as error:
        raise ValueError(f"{path}: not the weights of ResNet-8: {error}") from error
    return reals


def at_random(seed: int = 0) -> Reals:
    """Draw weights that keep the spread of activations; biases are zero."""
    rng = np.random.default_rng(seed)
    reals = {}
    for index, (source, inputs, outputs, kernel, stride, relu) in enumerate(_CONVS):
        shape = (outputs, inputs, kernel, kernel)
        weight = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape)
        reals[f"c{index}"] = Real(source, weight, np.zeros(outputs), stride, relu)
    reals["fc"] = Real("mean", rng.normal(0, 0.1, (10, 64, 1, 1)), np.zeros(10))
    return reals


def half(reals: Reals) -> Reals:
    """Remove half of all maps: of those that are added, together, the ones of the least weight."""
    kept = {"picture": np.arange(3)}
    for coupled in _COUPLED:
        weights = [np.abs(reals[name].weight).sum(axis=(1, 2, 3)) for name in coupled]
        score = np.sum(weights, axis=0)
        best = np.sort(np.argsort(-score, kind="stable")[: len(score) // 2])
        kept |= dict.fromkeys(coupled, best)
    kept |= {name: kept[sources[0]] for name, sources in _ADDS.items()}
    kept |= {"mean": kept["add2"], "fc": np.arange(10)}
    return {
        name: replace(
            real,
            weight=real.weight[kept[name]][:, kept[real.source]],
            bias=real.bias[kept[name]],
        )
        for name, real in reals.items()
    }


def quantise(reals: Reals, pictures: np.ndarray, name: str = "resnet8") -> Network:
    """Make the integer network: 8-bit weights and activations, each the nearest integer.

    Weights have one scale for every output, which takes the largest to 127; those of the classifier
    one in all, so that logits compare. An activation's scale takes the largest value that the real
    network has on some pictures to 255, or to 127 where it is signed. Nothing is trained again.

    Parameters
    ----------
    reals : Reals
    pictures : (N, 3, 32, 32) int
        Pixels 0 to 255.
    """
    largest = _largest(reals, pictures)
    layers: list[Layer] = [Input("picture", (3, 32, 32))]
    scale = {"picture": 1.0}
    for key, real in list(reals.items())[:-1]:
        scale[key] = largest[key] / (255 if real.relu else 127)
        layers.append(_conv(key, real, scale[real.source], scale[key]))
        for add, (a, b) in _ADDS.items():
            if key == max(a, b):
                scale[add] = largest[add] / 255
                factors = np.array([scale[a], scale[b]]) / scale[add]
                (ma, mb), shift = _integers(factors)
                layers.append(Add(add, (a, b), (ma, mb), shift, scale=scale[add]))
    layers.append(AvgPool("mean", "add2", (8, 8), (1, 1), 1, 6, scale=scale["add2"]))
    layers.append(_conv("fc", reals["fc"], scale["add2"], None))
    return Network(name, tuple(layers))


def _largest(reals: Reals, pictures: np.ndarray) -> dict[str, float]:
    """Largest magnitude of every result on some pictures."""
    results: dict[str, np.ndarray] = {"picture": pictures.astype(np.float64)}
    for key, real in list(reals.items())[:-1]:
        results[key] = real.compute(results[real.source])
        for add, (a, b) in _ADDS.items():
            if key == max(a, b):
                results[add] = np.maximum(results[a] + results[b], 0)
    return {key: float(np.abs(result).max()) for key, result in results.items()}


def _conv(name: str, real: Real, source: float, result: float | None) -> Conv:
    """Quantise a convolution between two scales; without a result's, its sums stay as they are."""
    axes = (1, 2, 3) if result else (0, 1, 2, 3)
    unit = np.abs(real.weight).max(axis=axes, keepdims=True) / 127
    unit = np.where(unit > 0, unit, 1.0)
    weight = np.rint(real.weight / unit).astype(np.int64)
    units = np.broadcast_to(unit, (len(weight), 1, 1, 1)).ravel() * source  # of an accumulator
    bias = np.rint(real.bias / units).astype(np.int64)
    options: dict = {"stride": (real.stride, real.stride), "padding": real.padding}
    if result is None:
        return Conv(name, real.source, weight, bias, scale=float(units[0]), **options)
    multipliers, shift = _integers(units / result)
    shifts = np.full(len(weight), shift)
    options |= {"signed": not real.relu, "scale": result}
    return Conv(name, real.source, weight, bias, np.array(multipliers), shifts, **options)


def _integers(factors: np.ndarray) -> tuple[list[int], int]:
    """Multipliers of the most bits that there are, and one shift, that come next to factors."""
    most = (1 << MAX_MULTIPLIER_BITS) - 1
    shift = min(int(np.floor(np.log2(most / factors.max()))), MAX_SHIFT)
    return np.rint(factors * 2.0**shift).astype(int).tolist(), shift
