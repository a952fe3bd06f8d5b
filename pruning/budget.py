"""Budgets: how many units of every layer may survive."""

from collections.abc import Mapping
from fractions import Fraction

from torch import nn

from pruning.chain import walk
from pruning.models import Model
from pruning.units import feature_maps


def macs_with(model: Model, keep: Mapping[str, int]) -> int:
    """Multiply-adds of one picture if only so many feature maps of every layer were left."""
    feeds = {unit.consumer: unit for unit in feature_maps(model.module)}
    total = 0
    for step in walk(model.module, model.pixels.shape):
        if not isinstance(step.layer, nn.Conv2d | nn.Linear):
            continue
        macs = Fraction(step.macs)
        if step.name in keep:
            macs *= Fraction(keep[step.name], step.output[0])
        if step.name in feeds and feeds[step.name].layer in keep:
            unit = feeds[step.name]
            macs *= Fraction(keep[unit.layer], unit.count)
        total += macs
    return int(total)


def survivors(model: Model, ratio: float) -> dict[str, int]:
    """Feature maps to keep: the same share in every layer, as many as a budget of MACs allows.

    The first convolution, whose maps are few and matter most, is not pruned, and no output leaves
    the network.

    Parameters
    ----------
    ratio : float
        Share of the whole model's multiply-adds that must go, at least; 0 to 1.

    Raises
    ------
    ValueError
        If the ratio is out of range, or not even one map per layer meets it.
    """
    if not 0 <= ratio < 1:
        raise ValueError(f"ratio must be at least 0 and below 1, not {ratio!r}")
    units = feature_maps(model.module)[1:]
    limit = (1 - Fraction(str(ratio))) * model.macs
    shares = {Fraction(kept, unit.count) for unit in units for kept in range(1, unit.count + 1)}
    shares.add(Fraction(1))
    least = {unit.layer: 1 for unit in units}
    for share in sorted(shares, reverse=True):
        keep = {unit.layer: max(1, int(share * unit.count)) for unit in units}
        if macs_with(model, keep) <= limit:
            return keep
    raise ValueError(
        f"ratio must be at most {1 - macs_with(model, least) / model.macs:.3f}, not {ratio!r}"
    )
