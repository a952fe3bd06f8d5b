"""Small networks, drawn at random and always the same ones, that the area model is fitted to."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hw.fold import Fold, Folding
from hw.layers import Activation, Add, AvgPool, Concat, Conv, Input, Layer, MaxPool
from hw.network import Network

# In such an order that the designs that are kept from the fit (`reports.calibrate`) are of many.
KINDS = (
    *("conv", "streams", "pointwise", "chain", "kernels", "concat", "kernels"),
    *("max", "depthwise", "streams", "residual", "linear", "downsampled", "average"),
)
PADDED = (1, 1, 1, 1)


@dataclass(frozen=True)
class Sample:
    """A network and its folds."""

    network: Network
    folding: Folding


def samples(count: int, seed: int = 0) -> Iterator[Sample]:
    """Draw samples, the kinds of networks in turn."""
    for number in range(count):
        drawn = _Drawn(np.random.default_rng((seed, number)))
        drawn.build(KINDS[number % len(KINDS)])
        yield drawn.sample(f"sample{number}")


class _Drawn:
    """Layers one behind the other, all sizes drawn."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        shape = self.number(1, 6), self.number(6, 10), self.number(6, 12)
        self.layers: list[Layer] = [Input("x", shape, bits=self.number(4, 8))]
        self.streams = 1  # at most

    def number(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high, endpoint=True))

    def shape(self) -> tuple[int, int, int]:
        """Shape of the last layer."""
        return self.format(self.layers[-1].name).shape

    def format(self, name: str) -> Activation:
        """Format of a layer."""
        return Network("so_far", tuple(self.layers)).formats[name]

    def build(self, kind: str) -> None:
        """Put the layers of a kind of network behind the input."""
        if kind in ("conv", "pointwise", "depthwise"):
            self.conv(kind)
        elif kind == "kernels":
            self.layers = [Input("x", (self.number(8, 16), 6, 6), bits=self.number(4, 8))]
            self.conv("conv", self.number(6, 12))
        elif kind == "streams":
            self.streams = 4
            self.conv("conv", self.number(4, 8))
            self.conv("pointwise", self.number(2, 6))
        elif kind == "concat":
            self.concat()
        elif kind == "max":
            self.layers.append(MaxPool("max", "x", (2, 2), (2, 2)))
        elif kind == "average":
            self.average((2, 2))
        elif kind == "linear":
            if self.number(0, 1):
                self.average((3, 3))
            self.linear()
        elif kind == "chain":
            self.conv("conv")
            source = self.layers[-1].name
            self.layers.append(MaxPool("max", source, (2, 2), (2, 2)))
            self.linear()
        else:
            self.residual(stride=1 + (kind == "downsampled"))

    def conv(self, kind: str, outputs: int | None = None, stride: int | None = None) -> None:
        """Add a convolution."""
        source, inputs = self.layers[-1].name, self.shape()[0]
        kernel = (1, 1) if kind == "pointwise" else (3, 3)
        groups = inputs if kind == "depthwise" else 1
        outputs = outputs or groups * self.number(1, 2) if groups > 1 else outputs
        outputs = outputs or self.number(2, 10)
        stride = stride or self.number(1, 4) // 4 + 1
        padding = (0, 0, 0, 0) if kind == "pointwise" else PADDED
        self.put(
            source,
            (outputs, inputs // groups, *kernel),
            stride=(stride, stride),
            padding=padding,
            groups=groups,
            raw=self.number(0, 7) == 0 and len(self.layers) == 1,
        )

    def linear(self) -> None:
        """Add a layer whose kernel is the whole map."""
        inputs, height, width = self.shape()
        self.put(self.layers[-1].name, (self.number(3, 10), inputs, height, width), raw=True)

    def average(self, kernel: tuple[int, int]) -> None:
        """Add an average."""
        args = self.layers[-1].name, kernel, kernel, self.number(1, 60), 8
        self.layers.append(AvgPool("average", *args))

    def concat(self) -> None:
        """Add two convolutions side by side, and one that reads both."""
        self.streams = 2
        inputs, result = self.shape()[0], (self.number(4, 8), bool(self.number(0, 1)))
        for _ in range(2):
            shape = (self.number(2, 4), inputs, 3, 3)
            self.put("x", shape, raw=False, result=result, padding=PADDED)
        names = tuple(layer.name for layer in self.layers[1:])
        self.layers.append(Concat("concat", names))
        self.conv("pointwise", self.number(2, 6))

    def residual(self, stride: int) -> None:
        """Add a convolution, and what entered it."""
        inputs = self.shape()[0]
        wider = inputs * stride
        self.conv("conv", wider, stride)
        taken = (*range(inputs), *(-1,) * (wider - inputs))
        shortcut = {"stride": (stride, stride), "channels": taken} if stride > 1 else {}
        multipliers = self.number(40, 127), self.number(40, 127)
        self.layers.append(Add("add", (self.layers[-1].name, "x"), multipliers, 7, **shortcut))

    def put(
        self,
        source: str,
        shape: tuple[int, ...],
        raw: bool,
        result: tuple[int, bool] | None = None,
        **options,
    ) -> None:
        """Add a layer of weights, some of its taps pruned; `result` is its width and sign."""
        rng, outputs = self.rng, shape[0]
        density, whole = (1.0, 0.5, 0.3)[self.number(0, 2)], self.number(0, 2) > 0
        places = (*shape[:2], 1, 1) if whole else shape
        mask = rng.random(places) < density
        mask = np.broadcast_to(mask | ~mask.any(), shape)
        bits = self.number(3, 8)
        limit = 1 << (bits - 1)
        weight = rng.integers(-limit, limit, shape) * mask
        bias = rng.integers(-500, 500, outputs)
        scale = {}
        if not raw:
            width = max(self.number(-8, 16), 0)  # of the multiplier; there may be none
            wide, is_signed = result or (self.number(4, 8), bool(self.number(0, 1)))
            largest = int(np.abs(weight).reshape(outputs, -1).sum(axis=1).max())
            most = largest << self.format(source).bits
            shift = min(max(most.bit_length() + width - wide - 1, 1), 40)
            ones = np.ones(outputs, int)
            scale = {
                "multiplier": rng.integers((1 << width) // 2, 1 << width, outputs) + (not width),
                "shift": shift * ones,
                "bits": wide,
                "signed": is_signed,
            }
        name = f"layer{len(self.layers)}"
        kind = Conv(name, source, weight, bias, mask=mask, weight_bits=bits, **scale, **options)
        self.layers.append(kind)

    def sample(self, name: str) -> Sample:
        """Fold all layers in any way that is not too large."""
        network = Network(name, tuple(self.layers))
        folding: Folding = {}
        for layer in network.layers:
            channels, _, width = network.formats[layer.name].shape
            lanes = min(self.number(1, (4, 4, 8)[self.number(0, 2)]), width)
            if isinstance(layer, Input):
                folding[layer.name] = Fold(lanes)
            elif isinstance(layer, Conv):
                group = min(self.number(1, 4), channels, 1 + 12 // lanes)
                sequencers = min(self.number(1, 6), channels, 1 + 12 // (lanes * group))
                most = min(self.streams, channels)
                streams = self.number(min(2, most), most)
                folding[layer.name] = Fold(lanes, group, sequencers, streams)
            elif not isinstance(layer, Add | Concat):
                folding[layer.name] = Fold(lanes, 1, min(self.number(1, 2), channels))
        return Sample(network, folding)
