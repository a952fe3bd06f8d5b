"""The bytes by which a loadable design computes another network of the same structure."""

import dataclasses
from dataclasses import replace

import numpy as np

from hw.activation import check
from hw.contents import contents
from hw.fold import Folding
from hw.layers import Conv, Layer
from hw.network import Network
from hw.plan import AddPlan, Plan, plan
from hw.taps import walked_layer
from hw.timing import PORTABLE, Stages

# Of a layer: what a load brings, and what only people read.
_LOADED = ("weight", "bias", "mask", "multiplier", "multipliers", "shift", "scale", "granularity")


def weight_stream(
    network: Network, design: Network, folding: Folding, stages: Stages = PORTABLE
) -> bytes:
    """Encode a network for ``s_axis_weights`` of a loadable design.

    Layer after layer, memory after memory (`hw.contents`), word after word, low byte first.

    Parameters
    ----------
    network : Network
        To be loaded.
    design : Network
        Of which the design was made.
    folding : Folding
    stages : Stages
        Of the design's cells.

    Raises
    ------
    ValueError
        If the network is not one of weights, biases and scales alone, or something does not fit;
        the layer is named.
    """
    refuse_other_structure(network, design)
    layers = {layer.name: layer for layer in network.layers}
    plans = plan(design, folding, stages=stages, loadable=True)
    found = (with_values(made, layers[made.name]) for made in plans)
    return b"".join(memory.encode() for made in found for memory in contents(made))


def refuse_other_structure(network: Network, design: Network) -> None:
    """Check that a network is that of a design but for what can be loaded.

    Its masks may have fewer taps.

    Raises
    ------
    ValueError
        Names the first layer that is another, and in what.
    """
    found, wanted = (", ".join(layer.name for layer in each.layers) for each in (network, design))
    if found != wanted:
        raise ValueError(f"layers must be {wanted} as in the design, not {found}")
    if network.outputs != design.outputs:
        found = ", ".join(network.outputs)
        raise ValueError(
            f"outputs must be {', '.join(design.outputs)} as in the design, not {found}"
        )
    for layer, other in zip(network.layers, design.layers, strict=True):
        kinds = type(layer).__name__, type(other).__name__
        check(layer.name, kinds[0] == kinds[1], f"must be a {kinds[1]} as in the design")
        if isinstance(layer, Conv) and isinstance(other, Conv):
            _compare_taps(layer, other)
        for field in dataclasses.fields(other):
            if field.name not in _LOADED:
                found, wanted = (repr(getattr(each, field.name)) for each in (layer, other))
                sentence = f"{field.name} must be {wanted} as in the design, not {found}"
                check(layer.name, found == wanted, sentence)


def _compare_taps(layer: Conv, other: Conv) -> None:
    found, wanted = layer.weight.shape, other.weight.shape
    check(layer.name, found == wanted, f"weight must be {wanted} as in the design, not {found}")
    more = np.argwhere(layer.survivors & ~other.survivors)[:1].tolist()
    check(layer.name, not more, f"every tap must be one of the design, not that at {more}")
    kept = [conv.multiplier is None for conv in (layer, other)]
    sentence = "must keep its accumulators" if kept[1] else "must requantise"
    check(layer.name, kept[0] == kept[1], f"{sentence} as in the design")


def with_values(made: Plan, layer: Layer) -> Plan:
    """Plan a layer like another one, with the same taps and room."""
    if isinstance(made, AddPlan):
        assert isinstance(layer, type(made.layer))
        streamed, _ = layer.sources
        turned = made.links[0].name != streamed
        multipliers = layer.multipliers[::-1] if turned else layer.multipliers
        return replace(made, layer=layer, multipliers=multipliers)
    if made.room is None:
        return made
    walked = walked_layer(layer, made.source)
    assert isinstance(walked, Conv)
    return replace(made, layer=replace(walked, mask=made.conv.mask))
