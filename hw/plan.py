"""Everything static about the hardware of a network: what the generator builds and `hw.cost` predicts."""

from dataclasses import dataclass
from functools import cached_property

from hw.columns import Columns, Segments, Write
from hw.layers import Activation, Conv, Input, Layer, MaxPool
from hw.network import Network
from hw.schedule import Schedule, schedule

# Cycles from the read of a tap to its sum in the hold register, and through the drain. The parts are
# built to these, and a test compares each with its part.
WALK = 2  # tap fired -> its address at the row buffer
READ = 2  # row buffer and weight memory -> operand registers
MULTIPLY = 1
ACCUMULATE = 1
GATHER = 1  # hold registers of a group -> one sum
BIAS = 1
SCALE = 1
SATURATE = 1
QUEUE = 1  # into the output queue


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


@dataclass(frozen=True)
class Rows:
    """Rows of a picture as a layer's window slides over them, padding included.

    Parameters
    ----------
    height : int
        Rows of the picture.
    outputs : int
        Rows of the result.
    extent : int
        Rows of the window.
    stride : int
        Rows from one window to the next.
    top : int
        Rows of padding above the picture.
    """

    height: int
    outputs: int
    extent: int
    stride: int
    top: int

    @property
    def total(self) -> int:
        """Rows that pass through the window for one picture, padding and unread rows included."""
        return max((self.outputs - 1) * self.stride + self.extent, self.top + self.height)

    @property
    def first_pushes(self) -> int:
        """Rows pushed for the first window, after what the picture before has left unread."""
        return self.total - (self.outputs - 1) * self.stride

    def real(self, row: int) -> bool:
        """Whether a row of the sequence, taken modulo `total`, is inside the picture."""
        return 0 <= row % self.total - self.top < self.height

    @cached_property
    def ring(self) -> int:
        """Rows that the row buffer holds.

        Two successive windows with all between them, which is what must be there before the window can
        move, and one stride more, which hides the time from a producer's last tap to its row being
        visible here. Where one window covers the picture, a second picture is room enough.
        """
        resident = []
        for y in range(self.outputs):
            start = y * self.stride
            after = start + self.stride if y + 1 < self.outputs else self.total
            resident.append(sum(map(self.real, range(start, after + self.extent))))
        return max(resident) + (self.stride if self.outputs > 1 else 0)


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

        ``(acc * m + 2**(s-1)) >> s`` does not change when ``m`` is doubled and ``s`` is one more, so
        one shift serves all outputs, and no shifter is built.
        """
        layer = self.layer
        assert isinstance(layer, Conv) and layer.multiplier is not None and layer.shift is not None
        shift = int(layer.shift.max())
        scaled = [int(m) << (shift - int(s)) for m, s in zip(layer.multiplier, layer.shift, strict=True)]
        while shift > 1 and all(m % 2 == 0 for m in scaled) and any(scaled):
            scaled, shift = [m // 2 for m in scaled], shift - 1
        width = 0 if set(scaled) == {1} else max(max(scaled).bit_length(), 1)
        return width, shift, tuple(scaled)

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

    @property
    def cycles(self) -> int:
        """Cycles of one picture, if nothing else is in the way: the slowest of the layer's own parts."""
        channels, height, _ = self.result.shape
        return max(self.compute_cycles, self.write_cycles, channels * self.columns.block * height)


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
    columns, before = Columns(network.input.shape[2], 1), network.input.name
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


def _check(layer: Layer, fold: Fold, result: Activation) -> None:
    channels, _, width = result.shape
    limits = {"P": width, "G": channels if isinstance(layer, Conv) else 1, "R": 1}
    for key, limit in limits.items():
        value = getattr(fold, key)
        if not 1 <= value <= limit:
            raise ValueError(f"layer {layer.name!r}: {key} must be 1 to {limit}, not {value!r}")
