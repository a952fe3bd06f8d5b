"""What granularities cost as hardware where they leave as many multiply-adds."""

from collections.abc import Mapping
from dataclasses import dataclass

from pruning.allocation import example_of, uniform
from pruning.budget import Budget
from pruning.constraints import NONE, Constraints
from pruning.granularities import GRANULARITIES
from pruning.graph import Graph
from pruning.models import Model, graph_macs, graph_parameters
from pruning.price import FAMILY, Build, nominal

Variants = Mapping[str, tuple[str, Constraints]]
"""By a name: a granularity and constraints."""

ALL: Variants = {granularity: (granularity, NONE) for granularity in GRANULARITIES}


@dataclass(frozen=True)
class Row:
    """What one pruning costs.

    Parameters
    ----------
    macs, parameters : int
    cycles : int
        A frame, on so many multipliers.
    multipliers : int, optional
        Fewest for so many cycles; None if there is no such fold.
    memory_bits, index_bits : int
        Of the hardware that has so many multipliers: all memories; those that say which taps
        survive.
    luts, block_rams : int
        Of the same hardware, predicted.
    """

    macs: int
    parameters: int
    cycles: int
    multipliers: int | None
    memory_bits: int
    index_bits: int
    luts: int
    block_rams: int


def granularity_prices(
    model: Model,
    macs: float = 0.5,
    *,
    multipliers: int,
    cycles: int,
    part: str = FAMILY,
    variants: Variants = ALL,
) -> dict[str, Row]:
    """Ask for prices of a model pruned by every granularity to the same share of multiply-adds.

    Masks are those of the largest weights; every layer keeps the same share.

    Parameters
    ----------
    macs : float
        Part of the multiply-adds that stays, at most.
    multipliers, cycles : int
        What the one design has, and the other may take.

    Returns
    -------
    dict of str to Row
        First ``dense``, then by the names of the variants.
    """
    found = model.module.graph
    limit = Budget("macs", macs).limit(graph_macs(found))
    graphs = {"dense": found}
    for name, (granularity, constraints) in variants.items():
        shares = uniform(found, granularity, graph_macs, limit, constraints)
        graphs[name] = example_of(found, granularity, shares, constraints)

    def row(small: Graph) -> Row:
        network = nominal(small, model.pixels)
        fast = Build(multipliers=multipliers, part=part)(network)
        paced = Build(cycles=cycles, part=part)(network)
        assert fast is not None  # only a rate can be too high
        return Row(
            graph_macs(small),
            graph_parameters(small),
            fast.cycles,
            None if paced is None else paced.multipliers,
            fast.memory_bits,
            fast.index_bits,
            fast.area.luts,
            fast.area.block_rams,
        )

    return {name: row(small) for name, small in graphs.items()}
