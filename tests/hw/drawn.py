"""Networks of everything that there is, drawn at random, small enough for Amaranth's simulator."""

from dataclasses import replace
from math import frexp

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from hw.cost import predict
from hw.fold import UnsupportedLayer
from hw.layers import GRANULARITIES, Activation, Add, AvgPool, Conv, Input, MaxPool
from hw.network import Network
from tests.hw.networks import NO_PADDING, Case
from tests.hw.residual import BLOCKS, Builder

LAYERS = ("window", "1x1", "channelwise", "grouped", "max pool", "linear", "classifier")
KINDS = (*LAYERS, *BLOCKS)
WIDTHS = (8, 2, 3, 4, 5, 6, 7, 9, 16)
MOST_CYCLES = 500  # of a frame
MOST_MULTIPLIERS = 100  # of a layer


class Anything(Builder):
    """Builder of layers whose windows, formats, masks and scales are any."""

    def __init__(self, number, shape: tuple[int, int, int]) -> None:
        super().__init__(number, shape)
        self.layers = [self.picture(shape)]

    @property
    def formats(self) -> dict[str, Activation]:
        names = tuple(layer.name for layer in self.layers)
        return Network("so_far", tuple(self.layers), names).formats

    def format(self) -> dict:
        """Draw the format of a result."""
        return {"bits": WIDTHS[self.number(0, 8)], "signed": bool(self.number(0, 1))}

    def picture(self, shape: tuple[int, int, int]) -> Input:
        """Draw the input; offsets leave nine bits at most, or make sixteen signed."""
        number, form = self.number, self.format()
        offset, half = (), 1 << (form["bits"] - 1)
        if number(0, 1) and form["bits"] <= 8:
            low, high = (-half, half - 1) if form["signed"] else (0, 2 * half - 1)
            offset = tuple(number(low, high) for _ in range(shape[0]))
        elif number(0, 1) and not form["signed"]:
            offset = (half,) * shape[0]
        return Input("x", shape, offset=offset, **form)

    def block(self, kind: str) -> None:
        """Put a layer or a block behind what there is."""
        source, number = self.last, self.number
        channels, *size = self.shape(source)
        if kind == "window":
            self.conv(source, number(1, 5), **self.window(size, dilated=True))
        elif kind == "1x1":
            stride = number(1, 4), number(1, 4)
            self.conv(source, number(1, 6), (1, 1), stride=stride, padding=NO_PADDING)
        elif kind == "channelwise":
            window = self.window(size, dilated=True)
            self.conv(source, channels * number(1, 2), groups=channels, **window)
        elif kind == "grouped":
            groups = [n for n in range(1, channels + 1) if channels % n == 0]
            many = groups[number(0, len(groups) - 1)]
            self.conv(source, many * number(1, 3), groups=many, **self.window(size))
        elif kind == "max pool":
            self.put(MaxPool(f"p{len(self.layers)}", source, **self.pooling(size)))
        elif kind == "linear":
            self.conv(source, number(1, 6), (size[0], size[1]), padding=NO_PADDING)
        elif kind == "classifier":
            self.linear()
        else:
            super().block(kind)

    def window(self, size: list[int], *, dilated: bool = False) -> dict:
        """Draw a window that fits a picture at least once."""
        number = self.number
        kernel, stride, dilation, padding = [], [], [], []
        for pixels in size:
            kernel.append(number(1, 11 if number(0, 9) == 9 else 4))
            stride.append(number(1, 4))
            dilation.append(number(1, 3) if dilated else 1)
            extent = dilation[-1] * (kernel[-1] - 1) + 1
            before, after = number(0, extent - 1), number(0, extent - 1)
            padding += [max(before, extent - pixels - after), after]
        window = {"kernel": tuple(kernel), "stride": tuple(stride), "padding": tuple(padding)}
        return window | ({"dilation": tuple(dilation)} if dilated else {})

    def pooling(self, size: list[int]) -> dict:
        """Draw a usual window of pooling, or any."""
        usual = ((2, 2), (2, 2), NO_PADDING), ((3, 3), (2, 2), (1, 1, 1, 1))
        choice = self.number(0, 2)
        if choice < 2 and min(size) >= 2:
            return dict(zip(("kernel", "stride", "padding"), usual[choice], strict=True))
        return self.window(size)

    def conv(
        self, source: str, outputs: int, kernel: tuple[int, int] | None = None, **options
    ) -> str:
        number, before = self.number, self.formats[source]
        kernel = kernel or (number(1, 3), number(1, 3))
        raw = options.pop("raw", False)
        options = self.format() | {"weight_bits": number(2, 8)} | options
        if "padding" not in options:  # as many pixels as before
            high, wide = (k - 1 for k in kernel)
            options["padding"] = (high // 2, -(-high // 2), wide // 2, -(-wide // 2))
        granularity = GRANULARITIES[number(0, len(GRANULARITIES) - 1)]
        inputs = before.shape[0] // options.get("groups", 1)
        mask = self.mask(granularity, (outputs, inputs, *kernel))
        limit = 1 << (options["weight_bits"] - 1)
        all_of = (-limit, limit - 1), (-limit, -limit), (limit - 1, limit - 1)
        low, high = all_of[max(number(0, 6) - 4, 0)]
        weight = self.rng.integers(low, high, mask.shape, endpoint=True) * mask
        names = {"granularity": granularity, "channels": self.kept(granularity, outputs)}
        bias = np.zeros(outputs, int)
        layer = Conv(f"l{len(self.layers)}", source, weight, bias, mask=mask, **names, **options)
        most = max(map(abs, layer.accumulator(before)))
        bias = self.rng.integers(-most - 2, most + 3, outputs)
        scale = {} if raw else self.scale(2 * most, layer.bits - layer.signed, outputs)
        return self.put(replace(layer, bias=bias, **scale))

    def kept(self, granularity: str, outputs: int) -> tuple[int, ...]:
        """Draw the indices of outputs before others were pruned."""
        gaps = self.rng.integers(0, 3, outputs) if granularity == "feature-map" else 0
        return tuple((np.arange(outputs) + np.cumsum(np.broadcast_to(gaps, outputs))).tolist())

    def mask(self, granularity: str, shape: tuple[int, int, int, int]) -> np.ndarray:
        """Draw which weights survive; an output may keep none, and a channel may go unread."""
        (outputs, inputs, high, wide), number, rng = shape, self.number, self.rng
        drawn, density = shape, (0.8, 0.5, 0.2)[number(0, 2)]
        if granularity in ("dense", "feature-map"):
            density = 1.0
        elif granularity in ("kernel", "kernel-group"):
            drawn = outputs, inputs, 1, 1
        elif granularity == "column":
            drawn = 1, inputs, high, wide
        mask = np.broadcast_to(rng.random(drawn) < density, shape).copy()
        if granularity == "kernel-group":
            group = number(2, 3)
            mask = np.repeat(mask[::group], group, axis=0)[:outputs]
        elif granularity == "intra-kernel":  # an offset for each channel, or for each kernel
            step, sets = number(2, 4), (1, outputs)[number(0, 1)]
            offset = rng.integers(0, step, (sets, inputs, 1, 1))
            grid = np.arange(high * wide).reshape(high, wide) % step == offset
            mask = np.broadcast_to(grid, shape).copy()
        if number(0, 4) == 4:
            mask[number(0, outputs - 1)] = False
        if inputs > 1 and number(0, 4) == 4:
            mask[:, number(0, inputs - 1)] = False
        return mask

    def scale(self, most: int, bits: int, outputs: int) -> dict[str, np.ndarray]:
        """Draw multipliers and shifts: only shifts, such that fill a result of some bits, or any.

        `most` is the largest magnitude of what is scaled.
        """
        kind = self.number(0, 3)
        limit = (1 << self.number(1, 16)) - 1 if kind else 1
        multiplier = self.rng.integers(min(kind, 1), limit, outputs, endpoint=True)
        filling = np.array([frexp(most * int(m) >> bits)[1] for m in multiplier])
        shift = np.clip(filling - self.rng.integers(0, 4, outputs), 1, 40)
        if kind == 3:
            shift = self.rng.integers(1, 40, outputs, endpoint=True)
        return {"multiplier": multiplier, "shift": shift if kind else np.full(outputs, shift[0])}

    def add(self, first: str, second: str, **options) -> str:
        form, (a, b) = self.format(), (self.formats[name] for name in (first, second))
        limit = (1 << self.number(1, 16)) - 1
        multipliers = self.number(0, limit), self.number(1, limit)
        most = a.magnitude * multipliers[0] + b.magnitude * multipliers[1]
        shift = int(self.scale(most, form["bits"] - form["signed"], 1)["shift"][0])
        name = f"s{len(self.layers)}"
        return self.put(Add(name, (first, second), multipliers, shift, **form, **options))

    def average(self, source: str, kernel: tuple[int, int], stride=(1, 1)) -> str:
        before, form, padding = self.formats[source], self.format(), NO_PADDING
        if kernel != before.shape[1:]:
            high, wide = (k - 1 for k in kernel)
            padding = tuple(self.number(0, room) for room in (high, high, wide, wide))
        most = before.magnitude * kernel[0] * kernel[1]
        scale = self.scale(most, form["bits"] - form["signed"], 1)
        args = (kernel, stride, int(scale["multiplier"][0]), int(scale["shift"][0]), padding)
        return self.put(AvgPool(f"g{len(self.layers)}", source, *args, **form))

    def keep_accumulators(self) -> None:
        """Let the last layer, if it is a convolution, give what it has added up."""
        last = self.layers[-1]
        if isinstance(last, Conv):
            self.layers[-1] = replace(last, multiplier=None, shift=None)


def build(number, kind: str) -> Case:
    """Build a network with some kind of layer or block in it; `number` draws low to high."""
    shape = (
        (number(1, 4), number(1, 6), number(1, 8)),
        (number(1, 2), number(1, 2), number(9, 40)),
        (number(5, 40), 1, number(1, 2)),
    )[max(number(0, 5) - 3, 0)]
    builder = Anything(number, shape)
    others = [other for other in KINDS if other != "classifier"]
    for present in range(2):
        if number(0, 1):
            builder.block(others[number(0, len(others) - 1)])
        if not present:
            builder.block(kind)
        if kind == "classifier":
            break
    if number(0, 1):
        builder.keep_accumulators()
    network = Network("drawn", tuple(builder.layers))
    folding = builder.folding(network)
    if number(0, 2) == 2:
        network = Network("drawn", network.layers, outputs(number, network))
    return Case(network, folding)


def outputs(number, network: Network) -> tuple[str, ...]:
    """Draw results that leave besides the last one, of layers that others read, in any order."""
    *inner, last = (layer.name for layer in network.layers)
    names = [last, *(name for name in inner if number(0, 2) == 2)]
    turn = number(0, len(names) - 1)
    return (*names[turn:], *names[:turn])


def seeded(kind: str, seed: int) -> Case:
    """Build a network from a seed."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    return build(lambda low, high: int(rng.integers(low, high, endpoint=True)), kind)


@st.composite
def drawn_cases(draw, kind: str) -> Case:
    """Networks with some kind of layer or block in them, folded any way, of short frames."""
    made = build(lambda low, high: draw(st.integers(low, high)), kind)
    assume(all(fold.multipliers <= MOST_MULTIPLIERS for fold in made.folding.values()))
    try:
        assume(predict(made.network, made.folding).interval <= MOST_CYCLES)
    except UnsupportedLayer:  # a shortcut that is longer than what it goes around
        assume(False)
    return made


def frames_of(network: Network, frames: int, seed: int) -> np.ndarray:
    """Draw pictures: any, of the largest pixels, of the smallest, of both; and so on."""
    stream, rng = network.input.stream, np.random.default_rng(seed)
    low, high, shape = stream.low, stream.high, stream.shape
    kinds = (
        lambda: rng.integers(low, high, shape, endpoint=True),
        lambda: np.full(shape, high),
        lambda: np.full(shape, low),
        lambda: rng.choice([low, high], shape),
    )
    return np.array([kinds[n % 4]() for n in range(frames)])
