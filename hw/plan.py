"""What is static about a network's hardware: a plan for every layer behind the input."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from hw.columns import Columns, Segments
from hw.fold import Fold, Folding, UnsupportedLayer
from hw.layer_plan import LayerPlan
from hw.layers import Activation, Add, AvgPool, Concat, Conv, Input, Layer, MaxPool
from hw.link import Link
from hw.network import Network
from hw.room import Room, Scale
from hw.rows import Rows
from hw.skew import common_source, longer, rows_ahead
from hw.store import Store
from hw.taps import walked_layer
from hw.timing import JOIN_ADD, JOIN_QUEUE, PORTABLE, Stages


@dataclass(frozen=True, eq=False)
class AddPlan:
    """Hardware of a residual add: one branch passes by, the other waits for it in a ring of rows.

    Parameters
    ----------
    layer : Add
    links : (Link, Link)
        The beats that pass by, and those that wait.
    multipliers : (int, int)
        Their multipliers.
    result : Activation
    waiting : int
        Rows that wait at most.
    room : Scale, optional
        Of an add whose multipliers can be loaded.
    """

    layer: Add
    links: tuple[Link, Link]
    multipliers: tuple[int, int]
    result: Activation
    waiting: int
    room: Scale | None = None

    latency = JOIN_ADD
    queue_depth = JOIN_QUEUE
    in_order = False

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.layer.name

    @property
    def inputs(self) -> tuple[str, str]:
        """Names of the layers whose results pass by and wait."""
        return self.links[0].name, self.links[1].name

    @property
    def columns(self) -> Columns:
        """Columns of the beats that pass by, which are those of the result."""
        return self.links[0].columns

    @property
    def link(self) -> Link:
        """Beats that leave: as they pass by."""
        return replace(self.links[0], name=self.name, activation=self.result)

    @cached_property
    def scaling(self) -> tuple[int, int, tuple[int, ...]]:
        """Width of multipliers that can be loaded (0: they cannot), the shift, and multipliers."""
        shift = self.layer.shift
        if self.room is None:
            return 0, shift, self.multipliers
        fitting = self.room.fit(self.name, np.array(self.multipliers), np.array([shift] * 2))
        return self.room.bits, self.room.shift, fitting

    @property
    def taken(self) -> tuple[int, ...]:
        """Channel that waits for each channel that passes by, -1 for none."""
        return self.layer.taken(self.links[0].activation)

    @cached_property
    def store(self) -> Store:
        """What waits: for each stream that passes by, the channels that its own ones need."""
        passing, waiting = self.links
        _, height, width = waiting.activation.shape
        rows, columns = self.layer.stride
        copies = tuple(
            tuple(sorted({self.taken[c] for c in stream if c >= 0} - {-1}))
            for stream in passing.streams
        )
        ring = Rows(height, self.result.shape[1], 1, rows, 0, (0,), self.waiting + 2)
        return Store(waiting, ring, Segments(width, self.columns, columns, (0,), 0), copies)

    @property
    def memory_bits(self) -> dict[str, int]:
        """Bits of every memory of the layer."""
        queue = self.queue_depth * self.link.beat_bits
        return {"row_buffer": self.store.bits, "output_queue": queue}


Plan = LayerPlan | AddPlan


def input_columns(picture: Input, folding: Folding) -> Columns:
    """Columns of the beats that the input's pixels become: `P` pixels each."""
    width, lanes = picture.shape[2], folding.get(picture.name, Fold(1)).P
    if not 1 <= lanes <= width:
        raise ValueError(f"layer {picture.name!r}: P must be 1 to {width}, not {lanes!r}")
    return Columns(width, lanes)


def plan(
    network: Network,
    folding: Folding,
    memo: Callable[[LayerPlan], LayerPlan] = lambda fresh: fresh,
    stages: Stages = PORTABLE,
    *,
    loadable: bool = False,
) -> tuple[Plan, ...]:
    """Plan the hardware of every layer behind the input.

    A concat costs nothing where all that read it walk taps: they store each of its sources in banks
    of their own. Else it is a walk over its own channels, one tap each.

    Parameters
    ----------
    network : Network
    folding : Folding
    memo : callable
        Says which plan to take in place of a fresh one: `hw.plan_memo.PlanMemo`.
    stages : Stages
        Of the cells that layers are made of.
    loadable : bool
        Whether there is room for other weights, biases and scales (`hw.room`).

    Raises
    ------
    UnsupportedLayer
        If the generator has no hardware for a layer.
    ValueError
        If a layer has no fold, or an impossible one, or a fold is of no layer; the layer and the
        bound are named.
    """
    for name in folding:
        if name not in network.formats:
            raise ValueError(
                f"every fold must be of a layer of network {network.name!r}, not of {name!r}"
            )
    picture = network.input
    columns = input_columns(picture, folding)
    links: dict[str, tuple[Link, ...]] = {
        picture.name: (Link.of_one(picture.name, picture.output(), columns),)
    }
    plans: list[Plan] = []
    for layer in network.layers[1:]:
        arriving = tuple(link for name in layer.inputs for link in links[name])
        if isinstance(layer, Concat) and is_stored_apart(network, layer):
            links[layer.name] = arriving
            continue
        made = (
            _add(network, layer, links)
            if isinstance(layer, Add)
            else memo(_layer(network, layer, folding, arriving, stages))
        )
        if loadable:
            made = _with_room(network, made)
        plans.append(made)
        links[layer.name] = (made.link,)
    if not plans:
        raise UnsupportedLayer(f"network {network.name!r} must have a layer behind its input")
    return tuple(plans)


def is_stored_apart(network: Network, concat: Concat) -> bool:
    """Whether all that read a concat walk taps, and so store each of its sources by itself."""
    readers = [layer for layer in network.layers if concat.name in layer.inputs]
    return concat.name not in network.outputs and not any(isinstance(r, Add) for r in readers)


def _layer(
    network: Network, layer: Layer, folding: Folding, links: tuple[Link, ...], stages: Stages
) -> LayerPlan:
    result = network.formats[layer.name]
    source = network.formats[layer.inputs[0]]
    if isinstance(layer, Concat):
        source, walked = result, MaxPool(layer.name, layer.name, (1, 1), (1, 1))
        fold = folding.get(layer.name, Fold(links[0].columns.lanes))
    else:
        walked, fold = walked_layer(layer, source), folding.get(layer.name)
    if fold is None:
        raise ValueError(f"layer {layer.name!r} must have a fold")
    _check(layer, fold, result)
    weighted = not isinstance(layer, AvgPool)
    ahead = _ahead(network, links)
    return LayerPlan(walked, source, result, fold, links, ahead, weighted, stages)


def _with_room(network: Network, made: Plan) -> Plan:
    """Make room for other weights in a layer; its accumulators, if it keeps them, are wider."""
    if isinstance(made, AddPlan):
        return replace(
            made, room=Scale.around(np.array(made.multipliers), np.array([made.layer.shift] * 2))
        )
    if not made.is_conv:
        return made
    room = Room.around(made.conv, made.source, made.bias_bits, weighted=made.weighted)
    result = made.result
    if room.scale is None:
        for layer in network.layers:
            if made.name in layer.inputs:
                raise UnsupportedLayer(
                    f"layer {made.name!r}: accumulators must leave a loadable design, not feed "
                    f"{layer.name!r}"
                )
        result = replace(result, bits=1 + max(room.sum_bits, room.bias_bits))
    return replace(made, room=room, result=result)


def _ahead(network: Network, links: tuple[Link, ...]) -> tuple[int, ...]:
    """Rows of each link that may arrive before those of the others do."""
    names = [link.name for link in links]
    return tuple(
        max((rows_ahead(network, other, name, 1) for other in names if other != name), default=0)
        for name in names
    )


def _add(network: Network, layer: Add, links: dict[str, tuple[Link, ...]]) -> AddPlan:
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
    waiting = rows_ahead(network, streamed, stored, layer.stride[0])
    (passing,), (staying,) = links[streamed], links[stored]
    result = network.formats[layer.name]
    return AddPlan(layer, (passing, staying), multipliers, result, waiting)


def _check(layer: Layer, fold: Fold, result: Activation) -> None:
    channels, _, width = result.shape
    group = channels if isinstance(layer, Conv) else 1
    limits = {"P": width, "G": group, "R": channels, "E": channels}
    for key, limit in limits.items():
        value = getattr(fold, key)
        if not 1 <= value <= limit:
            raise ValueError(f"layer {layer.name!r}: {key} must be 1 to {limit}, not {value!r}")
