"""Prices: what a graph costs as hardware, asked of the hardware model."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hw.area import Area, predict_area
from hw.cost import Cost, predict, predict_interval
from hw.families import FAMILIES
from hw.fit import DoesNotFit, fold_to_target
from hw.fold import Fold, Folding
from hw.fold_search import Search, folded
from hw.folding import MultiplierBudget, fold_to_multipliers, within
from hw.network import Network
from hw.plan import LayerPlan, Plan, plan
from hw.plan_memo import PlanMemo
from hw.resources import Resources
from hw.targets import TARGETS, target
from pruning.data import Pixels
from pruning.graph import Graph
from pruning.importing import lowered
from pruning.quantise import quantise

Price = Callable[[Graph], float]
"""What a graph costs; infinite where it cannot be had."""

FAMILY = "ecp5"


@dataclass(frozen=True)
class Build:
    """How a network is folded onto hardware.

    Without any number, every layer has one multiplier.

    Parameters
    ----------
    multipliers : int, optional
        Have at most so many, and the shortest interval.
    cycles : int, optional
        Take at most so many cycles a frame, on the fewest multipliers.
    part : str
        A family of FPGAs, by which the area is predicted; or a part, whose family is meant. Where
        nothing else is given, the fastest fold that fits the part is taken.

    Raises
    ------
    ValueError
        If a number is below 1, both are given, or the part is unknown.
    """

    multipliers: int | None = None
    cycles: int | None = None
    part: str = FAMILY

    def __post_init__(self) -> None:
        for name, value in (("multipliers", self.multipliers), ("cycles", self.cycles)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        if self.multipliers is not None and self.cycles is not None:
            raise ValueError("multipliers and cycles must not both be given: one decides the other")
        if self.part not in FAMILIES and self.part not in TARGETS:
            known = ", ".join((*FAMILIES, *TARGETS))
            raise ValueError(f"part must be one of {known}, not {self.part!r}")

    @property
    def fits_part(self) -> bool:
        """Whether what a part has decides the fold."""
        return self.part in TARGETS and self.multipliers is None and self.cycles is None

    @property
    def family(self) -> str:
        """Family of the part."""
        return self.part if self.part in FAMILIES else target(self.part).family

    def __call__(self, network: Network) -> "Hardware | None":
        """Fold a network; None if there is no such fold.

        Raises
        ------
        ValueError
            If there is not one multiplier for every layer that multiplies.
        """
        folding = self._folding(network)
        return None if folding is None else Hardware(network, folding, self.family)

    def _folding(self, network: Network) -> Folding | None:
        if self.cycles is not None:
            return within(Search(network, MultiplierBudget(network), PlanMemo()), self.cycles)
        if self.fits_part:
            try:
                return fold_to_target(network, Resources.of(target(self.part)))
            except DoesNotFit:
                return None
        if self.multipliers is None:
            return {layer.name: Fold(1) for layer in folded(network)}
        return fold_to_multipliers(network, self.multipliers)


class Hardware:
    """What a folded network costs, each figure found when it is asked for.

    Parameters
    ----------
    network : Network
    folding : Folding
    family : str
        One of `hw.families.FAMILIES`.
    """

    def __init__(self, network: Network, folding: Folding, family: str = FAMILY) -> None:
        self.network, self.folding, self.family = network, folding, family

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        """What is static about it."""
        return plan(self.network, self.folding)

    @cached_property
    def cost(self) -> Cost:
        """All that `hw.cost` predicts."""
        return predict(self.network, self.folding, self.plans)

    @cached_property
    def area(self) -> Area:
        """All that `hw.area` predicts."""
        return predict_area(self.network, self.folding, self.family, self.plans)

    @cached_property
    def cycles(self) -> int:
        """Cycles a frame, exactly."""
        return predict_interval(self.network, self.folding, self.plans)

    @property
    def latency(self) -> int:
        """Cycles from the first input beat to the last output beat of a frame."""
        return self.cost.latency

    @property
    def multipliers(self) -> int:
        """Multipliers instantiated."""
        return sum(p.multipliers for p in self.plans if isinstance(p, LayerPlan))

    @property
    def memory_bits(self) -> int:
        """Bits of all memories."""
        return sum(sum(p.memory_bits.values()) for p in self.plans)

    @property
    def index_bits(self) -> int:
        """Bits of the memories that say which taps survive."""
        return sum(p.memory_bits.get("schedule", 0) for p in self.plans)


@dataclass(frozen=True)
class Integers:
    """How a network will be made integer, as `pruning.quantise.quantise` is asked for it."""

    weight_bits: int = 8
    activation_bits: int = 8
    power_of_two: bool = False


INTEGERS = Integers()


def nominal(found: Graph, pixels: Pixels, integers: Integers = INTEGERS) -> Network:
    """Make the integer network of a graph without pictures.

    Its scales are those of one picture of noise, always the same. What they decide is how wide
    biases are and what the least bits of constants are: folds, cycles and multipliers are those of
    any other quantisation to these widths; memory differs by some bits of every bias.
    """
    noise = np.random.default_rng(0).integers(0, 1 << pixels.bits, (1, *pixels.shape), np.uint8)
    real = lowered(found, pixels)
    return quantise(
        real,
        noise,
        weight_bits=integers.weight_bits,
        activation_bits=integers.activation_bits,
        power_of_two=integers.power_of_two,
    )
