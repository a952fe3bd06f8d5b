"""Stall profiles: when either side of a stream pauses."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

PROFILES = ("none", "random", "bursty", "slow", "long")
_RUNS = 2000  # before a pace repeats


@dataclass(frozen=True)
class Stalls:
    """Profiles of the source, which feeds a design, and of the sinks, which it feeds.

    ``none`` never pauses; ``random`` tosses a coin each cycle; ``bursty`` runs and pauses for up to
    64 cycles; ``slow`` moves single beats so seldom that this side sets the speed; ``long`` runs
    and pauses for up to two frames. Every sink pauses for itself.

    Parameters
    ----------
    source : str
        One of `PROFILES`.
    sink : str
        That of all sinks; or several with commas in between, which the outputs take in turn.

    Raises
    ------
    ValueError
        If there is no such profile.
    """

    source: str = "none"
    sink: str = "none"

    def __post_init__(self) -> None:
        for profile in (self.source, *self.sink.split(",")):
            if profile not in PROFILES:
                known = ", ".join(PROFILES)
                raise ValueError(f"stall profile must be one of {known}, not {profile!r}")

    def sinks(self, outputs: int) -> list[str]:
        """Return the profile of each output's sink."""
        return list(islice(cycle(self.sink.split(",")), outputs))

    def __str__(self) -> str:
        """``source/sink``."""
        return f"{self.source}/{self.sink}"


def pace(profile: str, *, beats: int, interval: int, rng: np.random.Generator) -> np.ndarray:
    """Lengths of a side's runs and pauses.

    Parameters
    ----------
    profile : str
        One of `PROFILES`.
    beats : int
        Beats of a frame.
    interval : int
        Cycles that the design takes for a frame.
    rng : numpy.random.Generator
        Source of all randomness.

    Returns
    -------
    (N, 2) int
        Pairs of cycles to go (at least 1) and cycles to stop (at least 0), to be repeated.
    """
    if profile == "none":
        return np.array([[1_000_000, 0]])
    if profile == "random":
        return rng.geometric(0.5, (_RUNS, 2))
    if profile == "bursty":
        return rng.integers(1, 64, (_RUNS, 2), endpoint=True)
    if profile == "slow":
        pause = max(1, 4 * interval // beats)
        stop = rng.integers(1, pause, _RUNS, endpoint=True)
        return np.column_stack([np.ones(_RUNS, int), stop])
    assert profile == "long"
    return rng.integers(1, 2 * interval, (_RUNS, 2), endpoint=True)


def crossed(profiles: tuple[str, ...] = PROFILES) -> Iterator[Stalls]:
    """Yield every profile of the source with every profile of the sink."""
    for source in profiles:
        for sink in profiles:
            yield Stalls(source, sink)
