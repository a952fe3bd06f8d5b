"""What a design may take: some or all of a part, or plain numbers."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hw.area import Area
from hw.families import FAMILIES
from hw.targets import RESOURCES, Target

ROUTABLE = 0.9  # a part of which more of its cells are taken can hardly be placed and routed
KINDS = {**RESOURCES, "multipliers": "multipliers"}
MULTIPLIERS = "multipliers"


@dataclass(frozen=True)
class Resources:
    """What a design may take at most; None where there is no bound.

    Parameters
    ----------
    name : str
        What has them.
    family : str
        One of `hw.families.FAMILIES`: what a design is made of.
    luts, flip_flops, dsp_cells, block_rams : int, optional
        As `hw.area.Area`.
    multipliers : int, optional
        Sum of ``P * G * R`` over the layers that multiply; one may take a DSP cell, several, or
        LUTs.

    Raises
    ------
    ValueError
        If the family is unknown, or a number negative.
    """

    name: str = "budget"
    family: str = "ecp5"
    luts: int | None = None
    flip_flops: int | None = None
    dsp_cells: int | None = None
    block_rams: int | None = None
    multipliers: int | None = None

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {self.family!r}")
        for key, most in self.limits.items():
            if most < 0:
                raise ValueError(f"{key} must be at least 0, not {most!r}")

    @staticmethod
    def of(target: Target, share: float = ROUTABLE) -> "Resources":
        """All DSP cells and block RAMs of a part, and a share of its LUTs and flip-flops.

        Raises
        ------
        ValueError
            If the share is not above 0, or above 1.
        """
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, not {share!r}")
        cells = {key: int(share * getattr(target, key)) for key in ("luts", "flip_flops")}
        return Resources(
            target.name,
            target.family,
            dsp_cells=target.dsp_cells,
            block_rams=target.block_rams,
            **cells,
        )

    def without(self, kinds: Iterable[str]) -> "Resources":
        """Have no bound on some kinds."""
        return replace(self, **dict.fromkeys(kinds))

    @property
    def limits(self) -> dict[str, int]:
        """Bounds that there are, by kind."""
        found = {key: getattr(self, key) for key in KINDS}
        return {key: most for key, most in found.items() if most is not None}

    def lacks(self, area: Area, multipliers: int) -> dict[str, int]:
        """Say of which kinds a design takes too many, and how many too many."""
        taken = used(area, multipliers)
        over = {key: taken[key] - most for key, most in self.limits.items()}
        return {key: int(number) for key, number in over.items() if number > 0}


def used(area: Area, multipliers: int) -> dict[str, float]:
    """Say what a design takes, by kind."""
    return {**vars(area), MULTIPLIERS: multipliers}
