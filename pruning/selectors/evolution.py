"""Crossover and mutation of masks; every row keeps as many units as it must."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pruning.masks import Masks
from pruning.units import Units


def crossed(units: Sequence[Units], first: Masks, second: Masks, rng: np.random.Generator) -> Masks:
    """Child of two masks: what both keep stays, what both prune goes, chance decides the rest.

    All choices with the right survivors are equally likely. That is uniform crossover, each unit
    from either parent, and its repair: units about which the parents differ are added or removed
    until the number of a row is right.
    """
    return {
        unit.name: unit.strongest(
            first[unit.name].astype(float) + second[unit.name] + rng.random(unit.count) / 2
        )
        for unit in units
    }


def mutated(units: Sequence[Units], masks: Masks, rate: float, rng: np.random.Generator) -> Masks:
    """Copy masks with some kept units swapped for pruned ones of the same row.

    Parameters
    ----------
    rate : float
        Probability of each swap, 0 to 1; a row can have as many as it has kept or pruned units,
        whichever are fewer.
    """
    found: dict[str, np.ndarray] = {}
    for unit in units:
        mask = masks[unit.name]
        pairs = np.minimum(unit.keep, np.diff(unit.starts) - unit.keep)
        swaps = replace(unit, keep=rng.binomial(pairs, rate))
        leave = swaps.strongest(np.where(mask, rng.random(unit.count), -1))
        enter = swaps.strongest(np.where(mask, -1, rng.random(unit.count)))
        found[unit.name] = (mask & ~leave) | enter
    return found
