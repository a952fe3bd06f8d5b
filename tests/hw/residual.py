"""Small residual networks to test the hardware half with."""

import numpy as np
from hypothesis import strategies as st

from hw.layers import Add, AvgPool, Concat, Conv, Input, Layer, MaxPool
from hw.network import Network
from hw.plan import Fold, Folding
from tests.hw.networks import NO_PADDING, Case, conv

BLOCKS = ("identity", "convolution", "option A", "depthwise", "average", "concat", "concat, added")


class Builder:
    """Layers one behind the other; every choice comes from `number`, which draws low to high."""

    def __init__(self, number, shape: tuple[int, int, int]) -> None:
        self.number, self.rng = number, np.random.default_rng(number(0, 1 << 20))
        self.layers: list[Layer] = [Input("x", shape, bits=number(2, 6))]

    @property
    def last(self) -> str:
        return self.layers[-1].name

    def shape(self, name: str) -> tuple[int, int, int]:
        names = tuple(layer.name for layer in self.layers)
        return Network("so_far", tuple(self.layers), names).formats[name].shape

    def put(self, layer: Layer) -> str:
        self.layers.append(layer)
        return layer.name

    def conv(self, source: str, outputs: int, kernel=(3, 3), **options) -> str:
        channels = self.shape(source)[0], outputs
        signed, density = bool(self.number(0, 1)), (1.0, 0.5)[self.number(0, 1)]
        options = {"signed": signed, "density": density, "bits": 5} | options
        name = f"l{len(self.layers)}"
        return self.put(conv(self.rng, name, source, channels, kernel, **options))

    def concat(self, source: str) -> str:
        """Put branches of any length behind a layer, and their channels behind each other."""
        number = self.number
        form = {"bits": number(2, 8), "signed": bool(number(0, 1))}
        first = self.conv(source, number(1, 3), (1, 1), padding=NO_PADDING, **form)
        second = self.conv(source, number(1, 3), **form)
        ends = [first, self.conv(second, number(1, 2), **form)]
        if number(0, 1):
            ends.append(second)
        if number(0, 1):
            name = f"p{len(self.layers)}"
            ends.append(self.put(MaxPool(name, first, (3, 3), (1, 1), (1, 1, 1, 1))))
        if number(0, 2) == 0:
            inner = self.put(Concat(f"c{len(self.layers)}", tuple(ends[:2])))
            ends[:2] = [inner, self.conv(inner, number(1, 2), **form)]
        order = self.rng.permutation(len(ends))
        return self.put(Concat(f"c{len(self.layers)}", tuple(ends[k] for k in order)))

    def add(self, first: str, second: str, **options) -> str:
        number = self.number
        options |= {"signed": bool(number(0, 1)), "bits": number(3, 6)}
        multipliers = number(0, 40), number(1, 40)
        name = f"s{len(self.layers)}"
        return self.put(Add(name, (first, second), multipliers, number(2, 6), **options))

    def average(self, source: str, kernel: tuple[int, int], stride=(1, 1)) -> str:
        name, number = f"g{len(self.layers)}", self.number
        args = (kernel, stride, number(1, 20), number(3, 7))
        return self.put(AvgPool(name, source, *args, bits=5, signed=bool(number(0, 1))))

    def block(self, kind: str) -> None:
        """Put a block behind what there is."""
        source, number = self.last, self.number
        channels, height, width = self.shape(source)
        if kind == "average":
            kernel = min(2, height), min(2, width)
            self.average(source, kernel, (number(1, 2), number(1, 2)))
            return
        if kind == "depthwise":
            end = self.conv(source, channels, groups=channels)
            end = self.conv(end, channels, (1, 1), padding=NO_PADDING)
        elif kind == "concat":
            self.concat(source)
            return
        elif kind == "concat, added":  # the longer way
            source = self.conv(source, number(1, 2))
            long = self.concat(self.conv(source, 2))
            source = self.conv(source, self.shape(long)[0], (1, 1), padding=NO_PADDING)
            end = long
        elif kind == "identity":
            end = self.conv(source, number(1, 3))
            end = self.conv(end, channels)
        else:
            stride, wider = (number(1, 2), number(1, 2)), channels + number(0, 2)
            end = self.conv(self.conv(source, wider, stride=stride), wider)
            if kind == "option A":
                before = number(0, wider - channels)
                after = wider - channels - before
                taken = (-1,) * before + tuple(range(channels)) + (-1,) * after
                self.add(end, source, stride=stride, channels=taken)
                return
            source = self.conv(source, wider, (1, 1), stride=stride, padding=NO_PADDING)
        ends = (end, source) if number(0, 1) else (source, end)
        self.add(*ends)

    def linear(self) -> None:
        """Average the whole map, and classify."""
        _, height, width = self.shape(self.last)
        pooled = self.average(self.last, (height, width))
        self.conv(pooled, self.number(1, 4), (1, 1), padding=NO_PADDING, raw=True)

    def folding(self, network: Network) -> Folding:
        """Fold every layer in any way."""
        folding: Folding = {}
        for layer in network.layers:
            channels, _, width = network.formats[layer.name].shape
            lanes = self.number(1, width)
            if isinstance(layer, Input):
                folding[layer.name] = Fold(lanes)
            elif not isinstance(layer, Add):
                group = self.number(1, channels) if isinstance(layer, Conv) else 1
                streams = self.number(1, min(channels, 4)) if self.number(0, 1) else 1
                folding[layer.name] = Fold(lanes, group, self.number(1, channels), streams)
        return folding


def case(number, blocks: tuple[str, ...], shape: tuple[int, int, int], *, linear: bool) -> Case:
    """Put blocks behind a first layer."""
    builder = Builder(number, shape)
    if number(0, 3):
        builder.conv("x", number(1, 3))
    for kind in blocks:
        builder.block(kind)
    if linear:
        builder.linear()
    network = Network("residual", tuple(builder.layers))
    return Case(network, builder.folding(network))


@st.composite
def residual_cases(draw) -> Case:
    """One or two blocks on small pictures, folded any way, and a classifier or none."""

    def number(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    blocks = (draw(st.sampled_from(BLOCKS[:4] + BLOCKS[5:])),)
    blocks += (draw(st.sampled_from(BLOCKS)),) * number(0, 1)
    shape = number(1, 2), number(2, 6), number(1, 6)
    return case(number, blocks, shape, linear=bool(number(0, 1)))
