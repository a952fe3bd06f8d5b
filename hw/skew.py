"""How far one branch of a network runs ahead of another, in rows."""

from hw.layers import Add, Concat, Input, Layer
from hw.network import Network


def common_source(network: Network, first: str, second: str) -> str:
    """Last layer through which both branches go."""
    shared = _behind(network, first) & _behind(network, second)
    return max(shared, key=[layer.name for layer in network.layers].index)


def longer(network: Network, first: str, second: str) -> bool:
    """Whether the first branch needs more rows of their common source than the second."""
    origin = common_source(network, first, second)
    layers = {layer.name: layer for layer in network.layers}
    sent = (_sent(layers, name, 0, origin, ahead=1) for name in (first, second))
    return next(sent) > next(sent)


def rows_ahead(network: Network, streamed: str, stored: str, stride: int) -> int:
    """Rows of one branch that wait, at most, for the row of another branch that they are added to.

    While a layer computes a row, the one before it works on what its next window needs, and so on
    up to the layer that feeds both branches. All rows that the stored branch can have made of what
    that layer has sent by then must have a place, or the streamed branch would starve.
    """
    origin = common_source(network, streamed, stored)
    layers = {layer.name: layer for layer in network.layers}
    height = network.formats[stored].shape[1]
    sent = network.formats[origin].shape[1]
    most = 0
    for row in range(network.formats[streamed].shape[1]):
        progress = _sent(layers, streamed, row, origin, ahead=1)
        waiting = 0
        for after in range(row * stride, row * stride + height, stride):
            frame, place = divmod(after, height)
            if _sent(layers, stored, place, origin, ahead=0) + frame * sent > progress:
                break
            waiting += 1
        most = max(most, waiting)
    return most


def _behind(network: Network, name: str) -> set[str]:
    layers = {layer.name: layer for layer in network.layers}
    found, rest = set(), [name]
    while rest:
        layer = layers[rest.pop()]
        if layer.name not in found:
            found.add(layer.name)
            rest += layer.inputs
    return found


def _sent(layers: dict[str, Layer], name: str, row: int, origin: str, *, ahead: int) -> int:
    """Last row that `origin` has sent when a layer computes a row, working so many rows ahead."""
    if name == origin:
        return row
    layer = layers[name]
    if isinstance(layer, Input):
        return -1
    if isinstance(layer, Concat):
        ends = [(source, row) for source in layer.sources]
    elif isinstance(layer, Add):
        ends = [(layer.sources[0], row), (layer.sources[1], row * layer.stride[0])]
    else:
        dilation = getattr(layer, "dilation", (1, 1))[0]
        last = dilation * (layer.kernel[0] - 1) - layer.padding[0]
        ends = [(layer.source, max((row + ahead) * layer.stride[0] + last, 0))]
    return max(_sent(layers, source, end, origin, ahead=ahead) for source, end in ends)
