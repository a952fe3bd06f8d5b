"""How far a layer is folded onto multipliers."""

from dataclasses import dataclass

STREAM_LUTS = 350  # of a lane's requantiser and writer
MULTIPLIER_LUTS = 200  # what a multiplier is worth at least: parts have 200 to 500 LUTs for each


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

    @property
    def luts(self) -> int:
        """LUT4s of a layer, roughly, without its memories, fitted to ``docs/benchmarks.md``.

        Those of accumulators, of what gathers the sums of several sequencers, of a lane's
        requantiser and writer, of sequencers and of skewed weights.
        """
        luts = 43 * self.multipliers + STREAM_LUTS * self.P * self.E
        return luts + self.R * (180 + self.G**2 + 33 * self.P * (self.R > 1))


Folding = dict[str, Fold]


class UnsupportedLayer(ValueError):
    """A layer that the generator cannot build; the message names it."""
