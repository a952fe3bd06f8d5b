"""What is static about a network's hardware: what the generator builds and `hw.cost` predicts."""

from dataclasses import dataclass
from functools import cached_property

from hw.arithmetic import signed_bits
from hw.columns import Columns, Segments, Write
from hw.layers import Activation, Conv, Input, Layer, MaxPool
from hw.network import Network
from hw.rows import Rows
from hw.schedule import Schedule, schedule

# Cycles of the stages between a tap and its result. The parts are built to these; the tests of
# `hw.cost` hold them to it.
WALK = 2  # tap fired -> its address at the row buffer
READ = 2  # row buffer and weight memory -> operand registers
MULTIPLY = 1
ACCUMULATE = 1
GATHER = 1  # hold registers of a group -> one sum
BIAS = 1
SCALE = 1
SATURATE = 1
QUEUE = 1  # into the output queue
SOURCE_ROWS = 2  # rows that a source of wide beats gathers
SINK_ROWS = 2  # rows that the sink of a map gathers


@dataclass(frozen=True)
class Fold:
    """How far a layer is folded onto multipliers.

    Parameters
    ----------
    P : int
        Lanes: pixels of one row that are computed together and share the weight.
    G : int
        Outputs in lockstep: they share the activation.
    R : int
        Sequencers.
    """

    P: int
    G: int = 1
    R: int = 1

    @property
    def multipliers(self) -> int:
        """Multipliers, ``P * G * R``."""
        return self.P * self.G * self.R


Folding = dict[str, Fold]


class UnsupportedLayer(ValueError):
    """A layer that the generator cannot build; the message names it."""


@dataclass(frozen=True, eq=False)
class LayerPlan:
    """Hardware of one layer.

    Parameters
    ----------
    layer : Conv or MaxPool
    source, result : Activation
        Formats before and behind the layer.
    fold : Fold
    producer : Columns
        Columns of the beats that arrive.
    """

    layer: Conv | MaxPool
    source: Activation
    result: Activation
    fold: Fold
    producer: Columns

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.layer.name

    @property
    def is_conv(self) -> bool:
        """Whether the layer multiplies and adds; else it takes the maximum."""
        return isinstance(self.layer, Conv)

    @property
    def conv(self) -> Conv:
        """The layer, where it multiplies and adds."""
        assert isinstance(self.layer, Conv)
        return self.layer

    @property
    def multipliers(self) -> int:
        """Multipliers instantiated."""
        return self.fold.multipliers if self.is_conv else 0

    @property
    def channels(self) -> int:
        """Input channels."""
        return self.source.shape[0]

    @property
    def columns(self) -> Columns:
        """Columns of the result over the lanes."""
        return Columns(self.result.shape[2], self.fold.P)

    @property
    def dilation(self) -> tuple[int, int]:
        """Rows and columns between taps."""
        return self.layer.dilation if isinstance(self.layer, Conv) else (1, 1)

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns that the kernel covers."""
        (kh, kw), (dh, dw) = self.layer.kernel, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    @cached_property
    def rows(self) -> Rows:
        """Rows of the picture under the window."""
        layer, height = self.layer, self.source.shape[1]
        top = layer.padding[0]
        return Rows(height, self.result.shape[1], self.extent[0], layer.stride[0], top)

    @cached_property
    def segments(self) -> Segments:
        """Columns of an input row over the lanes."""
        layer, width = self.layer, self.source.shape[2]
        args = (layer.stride[1], self.extent[1], layer.padding[2])
        return Segments.of(self.columns, width, *args)

    @cached_property
    def writes(self) -> tuple[tuple[Write, ...], ...]:
        """Writes of each incoming beat, by its column."""
        return self.segments.writes(self.producer)

    @cached_property
    def schedule(self) -> Schedule:
        """Taps that are walked once per block of columns."""
        return schedule(self.layer, self.channels, self.fold.G)

    @property
    def row_words(self) -> int:
        """Words of one row in the row buffer."""
        return self.segments.words * self.channels

    @property
    def depth(self) -> int:
        """Words of the row buffer."""
        return self.rows.ring * self.row_words

    @property
    def credits(self) -> int:
        """Lists whose outputs have a place in the output queue."""
        shortest = min(self.schedule.lengths)
        turn = self.latency + 2 * self.fold.G
        return max(16 // self.fold.G, 2, -(-turn // shortest) + 1)

    @property
    def latency(self) -> int:
        """Cycles from a list's last tap to its first output at the head of the queue."""
        if not isinstance(self.layer, Conv):
            return WALK + READ + ACCUMULATE + QUEUE
        cycles = WALK + READ + MULTIPLY + ACCUMULATE + GATHER + BIAS + QUEUE
        if self.layer.shift is not None:
            cycles += SATURATE + (SCALE if self.scales else 0)
        return cycles

    @property
    def scales(self) -> bool:
        """Whether requantisation multiplies; else it only shifts."""
        layer = self.layer
        return isinstance(layer, Conv) and layer.multiplier is not None and self.requantiser[0] > 0

    @cached_property
    def requantiser(self) -> tuple[int, int, tuple[int, ...]]:
        """Width of the multiplier (0: none), the one shift, and the multiplier of every output.

        ``(acc * m + 2**(s-1)) >> s`` stays when ``m`` is doubled and ``s`` is one more, so one
        shift serves all outputs, and no shifter is built.
        """
        layer = self.layer
        assert isinstance(layer, Conv)
        assert layer.multiplier is not None
        assert layer.shift is not None
        shift = int(layer.shift.max())
        pairs = zip(layer.multiplier.tolist(), layer.shift.tolist(), strict=True)
        scaled = [m << (shift - s) for m, s in pairs]
        while shift > 1 and all(m % 2 == 0 for m in scaled) and any(scaled):
            scaled, shift = [m // 2 for m in scaled], shift - 1
        width = 0 if set(scaled) == {1} else max(max(scaled).bit_length(), 1)
        return width, shift, tuple(scaled)

    @property
    def schedule_bits(self) -> int:
        """Width of an entry of the schedule: row, word within the row, end of the list."""
        return (self.extent[0] - 1).bit_length() + (self.row_words - 1).bit_length() + 1

    @cached_property
    def biases(self) -> tuple[int, ...]:
        """Bias of every output; the rounding constant is part of it where nothing multiplies."""
        assert isinstance(self.layer, Conv)
        raw = self.layer.shift is None or self.scales
        half = 0 if raw else 1 << (self.requantiser[1] - 1)
        return tuple(int(bias) + half for bias in self.layer.bias)

    @property
    def bias_bits(self) -> int:
        """Width of a bias."""
        return signed_bits(min(self.biases), max(self.biases))

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits of every memory of the layer."""
        pixel, result = self.source.bits, self.result.bits
        entries = len(self.schedule.last)
        place = (self.result.shape[0] - 1).bit_length() + (self.columns.block - 1).bit_length()
        bits = {
            "row_buffer": self.depth * self.fold.P * pixel,
            "schedule": entries * self.schedule_bits,
            "output_queue": self.credits * self.fold.G * (self.fold.P * result + place + 1),
        }
        if isinstance(self.layer, Conv):
            bits["weights"] = entries * self.fold.G * self.layer.weight_bits
            width = self.bias_bits + (self.requantiser[0] if self.scales else 0)
            bits["requantise"] = len(self.biases) * width
        return bits

    @property
    def compute_cycles(self) -> int:
        """Cycles of one picture's lists, if nothing waits."""
        _, height, _ = self.result.shape
        return sum(self.schedule.lengths) * self.columns.block * height

    @property
    def write_cycles(self) -> int:
        """Cycles that one picture takes to be written to the row buffer."""
        steps = sum(len(steps) for steps in self.writes)
        return steps * self.channels * self.source.shape[1]


def plan(network: Network, folding: Folding) -> tuple[LayerPlan, ...]:
    """Plan the hardware of every layer behind the input.

    Raises
    ------
    UnsupportedLayer
        If the network is not a chain.
    ValueError
        If a layer has no fold, or an impossible one; the layer and the bound are named.
    """
    plans: list[LayerPlan] = []
    before = network.input.name
    columns = _input_columns(network.input, folding.get(before, Fold(1)))
    for layer in network.layers[1:]:
        assert not isinstance(layer, Input)
        if layer.source != before:
            raise UnsupportedLayer(
                f"layer {layer.name!r} must be fed by {before!r}, the layer before it, "
                f"not {layer.source!r}"
            )
        source, result = network.formats[before], network.formats[layer.name]
        fold = folding.get(layer.name)
        if fold is None:
            raise ValueError(f"layer {layer.name!r} must have a fold")
        _check(layer, fold, result)
        plans.append(LayerPlan(layer, source, result, fold, columns))
        columns, before = plans[-1].columns, layer.name
    if network.outputs != (before,):
        raise UnsupportedLayer(f"the output must be {before!r}, the last layer")
    if not plans:
        raise UnsupportedLayer(f"network {network.name!r} must have a layer behind its input")
    return tuple(plans)


def _input_columns(picture: Input, fold: Fold) -> Columns:
    """Columns of the beats that the input's pixels become: `P` pixels each."""
    width = picture.shape[2]
    if not 1 <= fold.P <= width:
        raise ValueError(f"layer {picture.name!r}: P must be 1 to {width}, not {fold.P!r}")
    return Columns(width, fold.P)


def _check(layer: Layer, fold: Fold, result: Activation) -> None:
    channels, _, width = result.shape
    limits = {"P": width, "G": channels if isinstance(layer, Conv) else 1, "R": 1}
    for key, limit in limits.items():
        value = getattr(fold, key)
        if not 1 <= value <= limit:
            raise ValueError(f"layer {layer.name!r}: {key} must be 1 to {limit}, not {value!r}")
