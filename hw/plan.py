"""What is static about a network's hardware: a plan for every layer behind the input."""

from dataclasses import dataclass
from functools import cached_property

from hw.columns import Columns, Segments
from hw.fold import Fold, Folding, UnsupportedLayer
from hw.layer_plan import LayerPlan, walked_layer
from hw.layers import Activation, Add, AvgPool, Conv, Input, Layer
from hw.network import Network
from hw.rows import Rows
from hw.skew import common_source, longer, rows_ahead
from hw.store import Store
from hw.timing import JOIN_ADD, JOIN_QUEUE


@dataclass(frozen=True, eq=False)
class AddPlan:
    """Hardware of a residual add: one branch passes by, the other waits for it in a ring of rows.

    Parameters
    ----------
    layer : Add
    inputs : (str, str)
        The layers whose results pass by and wait.
    formats : (Activation, Activation)
        Their formats.
    multipliers : (int, int)
        Their multipliers.
    result : Activation
    columns, producer : Columns
        Columns of the beats that pass by, which are those of the result, and of those that wait.
    waiting : int
        Rows that wait at most.
    """

    layer: Add
    inputs: tuple[str, str]
    formats: tuple[Activation, Activation]
    multipliers: tuple[int, int]
    result: Activation
    columns: Columns
    producer: Columns
    waiting: int

    latency = JOIN_ADD
    queue_depth = JOIN_QUEUE
    in_order = False

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.layer.name

    @property
    def taken(self) -> tuple[int, ...]:
        """Channel that waits for each channel that passes by, -1 for none."""
        return self.layer.taken(self.formats[0])

    @cached_property
    def store(self) -> Store:
        """What waits."""
        _, height, width = self.formats[1].shape
        rows, columns = self.layer.stride
        channels = tuple(sorted({channel for channel in self.taken if channel >= 0}))
        ring = Rows(height, self.result.shape[1], 1, rows, 0, (0,), self.waiting + 2)
        segments = Segments(width, self.columns, columns, (0,), 0)
        return Store(self.formats[1], self.producer, ring, segments, (channels,))

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits of every memory of the layer."""
        shape, block = self.result.shape, self.columns.block
        place = (shape[0] - 1).bit_length() + (block - 1).bit_length()
        entry = self.columns.lanes * self.result.bits + place
        return {"row_buffer": self.store.bits, "output_queue": self.queue_depth * entry}


Plan = LayerPlan | AddPlan


def input_columns(picture: Input, folding: Folding) -> Columns:
    """Columns of the beats that the input's pixels become: `P` pixels each."""
    width, lanes = picture.shape[2], folding.get(picture.name, Fold(1)).P
    if not 1 <= lanes <= width:
        raise ValueError(f"layer {picture.name!r}: P must be 1 to {width}, not {lanes!r}")
    return Columns(width, lanes)


def plan(network: Network, folding: Folding) -> tuple[Plan, ...]:
    """Plan the hardware of every layer behind the input.

    Raises
    ------
    UnsupportedLayer
        If the generator has no hardware for a layer.
    ValueError
        If a layer has no fold, or an impossible one; the layer and the bound are named.
    """
    columns = {network.input.name: input_columns(network.input, folding)}
    plans: list[Plan] = []
    for layer in network.layers[1:]:
        if isinstance(layer, Add):
            made = _add(network, layer, columns)
        else:
            made = _layer(network, layer, folding, columns)
        plans.append(made)
        columns[layer.name] = made.columns
    if len(network.outputs) > 1:
        raise UnsupportedLayer(f"outputs must be one, not {network.outputs!r}")
    if not plans:
        raise UnsupportedLayer(f"network {network.name!r} must have a layer behind its input")
    return tuple(plans)


def _layer(
    network: Network, layer: Layer, folding: Folding, columns: dict[str, Columns]
) -> LayerPlan:
    source, result = network.formats[layer.inputs[0]], network.formats[layer.name]
    walked = walked_layer(layer, source)
    fold = folding.get(layer.name)
    if fold is None:
        raise ValueError(f"layer {layer.name!r} must have a fold")
    _check(layer, fold, result)
    weighted = not isinstance(layer, AvgPool)
    return LayerPlan(walked, source, result, fold, columns[layer.inputs[0]], weighted)


def _add(network: Network, layer: Add, columns: dict[str, Columns]) -> AddPlan:
    """Let the longer branch pass by: the other one is there first."""
    streamed, stored = layer.sources
    multipliers = layer.multipliers
    plain = layer.stride == (1, 1) and layer.taken(network.formats[streamed]) == tuple(
        range(network.formats[stored].shape[0])
    )
    if plain and longer(network, stored, streamed):
        streamed, stored = stored, streamed
        multipliers = (multipliers[1], multipliers[0])
    passes = common_source(network, streamed, stored) != streamed
    if not passes or longer(network, stored, streamed):
        raise UnsupportedLayer(
            f"layer {layer.name!r}: {streamed!r} must come by a longer way than {stored!r}"
        )
    formats = (network.formats[streamed], network.formats[stored])
    waiting = rows_ahead(network, streamed, stored, layer.stride[0])
    beats = (columns[streamed], columns[stored])
    result = network.formats[layer.name]
    return AddPlan(layer, (streamed, stored), formats, multipliers, result, *beats, waiting)


def _check(layer: Layer, fold: Fold, result: Activation) -> None:
    channels, _, width = result.shape
    limits = {"P": width, "G": channels if isinstance(layer, Conv) else 1, "R": channels}
    for key, limit in limits.items():
        value = getattr(fold, key)
        if not 1 <= value <= limit:
            raise ValueError(f"layer {layer.name!r}: {key} must be 1 to {limit}, not {value!r}")
