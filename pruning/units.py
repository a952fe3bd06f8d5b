"""Units: what is cut together, here a feature map with everything that is coupled to it."""

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class FeatureMaps:
    """The feature maps of one layer.

    Map ``o`` is output ``o`` of `layer`, element ``o`` of every one of `norms`, and the inputs of
    `consumer` that read it: channel ``o``, or its pixels where the map was flattened.

    Parameters
    ----------
    layer : str
        Convolution or linear layer that makes the maps.
    count : int
        Number of maps.
    norms : tuple of str
        Batch normalisations between `layer` and `consumer`.
    consumer : str
        Next convolution or linear layer.
    """

    layer: str
    count: int
    norms: tuple[str, ...]
    consumer: str


def feature_maps(chain: nn.Sequential) -> tuple[FeatureMaps, ...]:
    """Feature maps of every layer of a chain whose maps another layer consumes.

    The maps of the last layer, whose outputs leave the network, are not among them.
    """
    units: list[FeatureMaps] = []
    producer, count, norms = "", 0, []
    for name, layer in chain.named_children():
        if isinstance(layer, nn.BatchNorm2d):
            norms.append(name)
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            if producer:
                units.append(FeatureMaps(producer, count, tuple(norms), name))
            producer, count, norms = name, layer.weight.shape[0], []
    return tuple(units)
