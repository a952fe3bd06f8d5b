import re
from dataclasses import replace

import numpy as np
import pytest

from hw.contents import contents
from hw.layers import Add, Conv, Layer, MaxPool
from hw.network import Network
from hw.plan import plan
from hw.weight_stream import weight_stream
from tests.hw.networks import Case
from tests.hw.retrained import chain, residual, retrained


def changed(network: Network, layer: Layer) -> Network:
    """Put a layer in place of the one of its name."""
    layers = tuple(layer if other.name == layer.name else other for other in network.layers)
    return Network(network.name, layers, network.outputs)


def layer_of(network: Network, name: str) -> Layer:
    return next(layer for layer in network.layers if layer.name == name)


def conv_of(network: Network, name: str) -> Conv:
    layer = layer_of(network, name)
    assert isinstance(layer, Conv)
    return layer


@pytest.mark.parametrize("make", [chain, residual])
def test_the_first_network_is_what_the_memories_hold_at_first(make) -> None:
    made = make()
    plans = plan(made.network, made.folding, loadable=True)
    first = b"".join(memory.encode() for layer in plans for memory in contents(layer))
    assert weight_stream(made.network, made.network, made.folding) == first
    other = weight_stream(retrained(made.network), made.network, made.folding)
    assert len(other) == len(first)
    assert other != first


def test_fewer_taps_are_as_good_as_zeros() -> None:
    made = chain()
    layer = conv_of(made.network, "a")
    mask = layer.survivors & (np.random.default_rng(1).random(layer.weight.shape) < 0.5)
    pruned = replace(layer, weight=layer.weight * mask, mask=mask)
    zeros = replace(layer, weight=layer.weight * mask)
    streams = {
        weight_stream(changed(made.network, each), made.network, made.folding)
        for each in (pruned, zeros)
    }
    assert len(streams) == 1


def wrong(made: Case) -> dict[str, Network]:
    """Networks that cannot be loaded, by what is said of them."""
    net = made.network
    a, b, c = (conv_of(net, name) for name in "abc")
    x, p = net.input, layer_of(net, "p")
    assert isinstance(p, MaxPool)
    more = replace(b, mask=None)
    tap = np.argwhere(~b.survivors)[0].tolist()
    limit = 1 << 24
    renamed = [
        replace(layer, name="q", source="p") if layer is b else layer for layer in net.layers
    ]
    renamed[4] = replace(conv_of(net, "s"), source="q")
    return {
        "layers must be x, a, p, b, s, c as in the design, not x, a, p, q, s, c": Network(
            net.name, tuple(renamed)
        ),
        "layer 'x': offset must be (3, 17) as in the design, not (3, 16)": changed(
            net, replace(x, offset=(3, 16))
        ),
        "layer 'a': padding must be (1, 1, 1, 1) as in the design, not (2, 0, 1, 1)": changed(
            net, replace(a, padding=(2, 0, 1, 1))
        ),
        f"layer 'b': every tap must be one of the design, not that at [{tap}]": changed(net, more),
        "layer 'c': must keep its accumulators as in the design": changed(
            net, replace(c, multiplier=np.ones(3, int), shift=np.ones(3, int))
        ),
        "layer 'a': bits must be 8 as in the design, not 7": changed(net, replace(a, bits=7)),
        "layer 's': must only shift": changed(
            net, replace(conv_of(net, "s"), shift=np.full(4, 30))
        ),
        "layer 'a': bias must be": changed(net, replace(a, bias=a.bias + limit)),
        "layer 'p': padding must be (0, 0, 1, 0) as in the design, not (0, 0, 0, 1)": changed(
            net, replace(p, padding=(0, 0, 0, 1))
        ),
        "layer 'c': weight must be (3, 4, 2, 4) as in the design, not (2, 4, 2, 4)": changed(
            net, replace(c, weight=c.weight[:2], mask=None, bias=c.bias[:2], channels=(0, 1))
        ),
    }


@pytest.mark.parametrize("sentence", wrong(chain()))
def test_another_structure_is_refused(sentence) -> None:
    made = chain()
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        weight_stream(wrong(made)[sentence], made.network, made.folding)


def test_other_outputs_kinds_and_scales_are_refused() -> None:
    made = residual()
    net = made.network
    fewer = Network(net.name, net.layers, ("c",))
    with pytest.raises(ValueError, match=r"^outputs must be c, s as in the design, not c$"):
        weight_stream(fewer, net, made.folding)
    add = layer_of(net, "s")
    assert isinstance(add, Add)
    with pytest.raises(ValueError, match=r"^layer 's': multipliers must have 18 bits at"):
        weight_stream(changed(net, replace(add, shift=1)), net, made.folding)
    pool = MaxPool("b", "a", (3, 3), (1, 1), (1, 1, 1, 1))
    other = changed(net, pool)
    with pytest.raises(ValueError, match=r"^layer 'b': must be a Conv as in the design$"):
        weight_stream(other, net, made.folding)
