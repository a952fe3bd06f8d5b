"""All foldings of a small network."""

from collections.abc import Iterator
from itertools import product

from hw.layers import Add, Conv, Input
from hw.network import Network
from hw.plan import Fold, Folding


def multipliers(network: Network, folding: Folding) -> int:
    convs = (layer.name for layer in network.layers if isinstance(layer, Conv))
    return sum(folding[name].multipliers for name in convs)


def every_folding(network: Network) -> Iterator[Folding]:
    """Every P, G, R, and least and most E of every layer, and every P of the input."""
    choices = []
    layers = [layer for layer in network.layers if not isinstance(layer, Add)]
    for layer in layers:
        channels, _, width = network.formats[layer.name].shape
        groups = range(1, channels + 1 if isinstance(layer, Conv) else 2)
        sequencers = range(1, 2 if isinstance(layer, Input) else channels + 1)
        lanes, streams = range(1, width + 1), {1, channels}
        if isinstance(layer, Input):
            streams = {1}
        folds = product(lanes, groups, sequencers, streams)
        choices.append([Fold(*numbers) for numbers in folds])
    for folds in product(*choices):
        yield dict(zip((layer.name for layer in layers), folds, strict=True))
