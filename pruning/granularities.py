"""Granularities: the units of a graph's layers, from whole feature maps to single weights."""

from collections.abc import Mapping
from fractions import Fraction

from pruning.constraints import NONE, Constraints, check_names
from pruning.graph import Graph
from pruning.kernel_units import FINER, finer_units
from pruning.map_units import feature_maps
from pruning.units import Candidate, Units

GRANULARITIES = ("feature-map", *FINER)
BALANCED = ("kernel", "kernel-group")


def candidates(
    found: Graph, granularity: str, constraints: Constraints = NONE
) -> tuple[Candidate, ...]:
    """Everything that can be pruned at a granularity, in the order of the layers.

    Raises
    ------
    ValueError
        If there is no such granularity, it cannot have a constraint, a layer that is named cannot
        be pruned, or nothing can. The message says what is possible.
    """
    if granularity not in GRANULARITIES:
        known = ", ".join(GRANULARITIES)
        raise ValueError(f"granularity must be one of {known}, not {granularity!r}")
    if constraints.balanced and granularity not in BALANCED:
        raise ValueError(f"balanced must be asked of {' or '.join(BALANCED)}, not {granularity}")
    check_names(found, constraints)
    if granularity == "feature-map":
        made = feature_maps(found, constraints)
    else:
        made = finer_units(found, granularity, constraints)
    if not made:
        raise ValueError(f"no layer can be pruned by {granularity}")
    return tuple(made)


def units(
    found: Graph,
    granularity: str,
    shares: Mapping[str, Fraction] | Fraction,
    constraints: Constraints = NONE,
) -> tuple[Units, ...]:
    """Units of the layers to prune, of which given shares survive.

    Parameters
    ----------
    shares : Fraction, or dict of str to Fraction
        Part of the units that survives, rounded down, by the name of the candidate; a layer that
        is not named stays whole.

    Raises
    ------
    ValueError
        As `candidates`; or if a share cannot be had, in which case the layer is named.
    """
    known = candidates(found, granularity, constraints)
    if not isinstance(shares, Mapping):
        shares = {candidate.name: shares for candidate in known}
    if unknown := set(shares) - {candidate.name for candidate in known}:
        names = ", ".join(candidate.name for candidate in known)
        raise ValueError(f"pruned layer must be one of {names}, not {min(unknown)!r}")
    return tuple(c.units(shares[c.name]) for c in known if c.name in shares)
