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
    E : int
        Outputs that leave in one cycle.
    """

    P: int
    G: int = 1
    R: int = 1
    E: int = 1

    @property
    def multipliers(self) -> int:
        """Multipliers, ``P * G * R``."""
        return self.P * self.G * self.R


Folding = dict[str, Fold]


class UnsupportedLayer(ValueError):
    """A layer that the generator cannot build; the message names it."""
