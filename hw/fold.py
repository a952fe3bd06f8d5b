"""How far a layer is folded onto multipliers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fold:
    """How far a layer is folded onto multipliers.

    Parameters
    ----------
    P : int
        Lanes: pixels of one row that are computed together and share the weight.
    G : int
        Outputs in lockstep: they share the activation.
    R : int
        Sequencers.
    """

    P: int
    G: int = 1
    R: int = 1

    @property
    def multipliers(self) -> int:
        """Multipliers, ``P * G * R``."""
        return self.P * self.G * self.R

    @property
    def luts(self) -> int:
        """LUT4s of a layer, roughly: accumulators, requantisers, sequencers, skewed weights."""
        return 30 * self.multipliers + 50 * self.P + 200 * self.R + self.R * self.G**2


Folding = dict[str, Fold]


class UnsupportedLayer(ValueError):
    """A layer that the generator cannot build; the message names it."""
