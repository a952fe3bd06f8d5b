"""Budgets: how much of what a model costs may stay."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from pruning.data import Pixels
from pruning.graph import Graph
from pruning.models import graph_macs, graph_parameters
from pruning.price import FAMILY, INTEGERS, Build, Hardware, Integers, Price, nominal

COUNTS: dict[str, Price] = {"macs": graph_macs, "parameters": graph_parameters}
FIGURES: dict[str, Callable[[Hardware], float]] = {
    "cycles": lambda hardware: hardware.cycles,
    "latency": lambda hardware: hardware.latency,
    "multipliers": lambda hardware: hardware.multipliers,
    "memory": lambda hardware: hardware.memory_bits,
    "luts": lambda hardware: hardware.area.luts,
    "flip-flops": lambda hardware: hardware.area.flip_flops,
    "dsp": lambda hardware: hardware.area.dsp_cells,
    "block-rams": lambda hardware: hardware.area.block_rams,
}
KINDS = (*COUNTS, *FIGURES)
_TIME = ("cycles", "latency")
_FORM = re.compile(
    r"(?P<kind>[\w-]+)=(?P<most>[\d.]+)(\s+on\s+(?P<part>[\w-]+))?"
    r"(\s+with\s+(?P<given>multipliers|cycles)=(?P<number>\d+))?"
)


@dataclass(frozen=True)
class Budget:
    """How much of one thing may stay.

    Parameters
    ----------
    kind : str
        One of `KINDS`: multiply-adds by surviving weights; surviving weights and biases; cycles a
        frame; cycles of the first frame; multipliers; bits of all memories; or one of the area.
    most : int or float
        A whole number is that of the kind, at least 1; a float is a part, above 0 and at most 1,
        of what the whole model takes.
    build : Build
        How the hardware is folded that is asked for its price. Time must be asked with so many
        multipliers, or on a part, of the fastest fold that fits it; multipliers with so many
        cycles. All else may be asked with either, or else is that of one multiplier a layer.
    integers : Integers
        How many bits weights and activations will have, in hardware that is asked for its price.

    Raises
    ------
    ValueError
        If there is no such kind, or a number or a fold does not go with it.
    """

    kind: str = "macs"
    most: int | float = 0.5
    build: Build = field(default_factory=Build)
    integers: Integers = INTEGERS

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"budget must be of {', '.join(KINDS)}, not {self.kind!r}")
        if isinstance(self.most, float) and not 0 < self.most <= 1:
            raise ValueError(
                f"{self.kind} must be a part above 0 and at most 1, or a whole number, "
                f"not {self.most!r}"
            )
        if self.most <= 0:
            raise ValueError(f"{self.kind} must be at least 1, not {self.most!r}")
        build = self.build
        if self.kind in COUNTS and build != Build():
            raise ValueError(f"{self.kind} must be asked of no hardware: it is the same on all")
        if self.kind in _TIME and build.multipliers is None and not build.fits_part:
            raise ValueError(f"{self.kind} must be asked with multipliers=N, or on a part")
        if self.kind == "multipliers" and build.cycles is None:
            raise ValueError("multipliers must be asked with cycles=N")

    @staticmethod
    def parse(text: str) -> "Budget":
        """Read ``macs=0.5``, ``cycles=20000 with multipliers=64`` or ``luts=0.4 on ecp5-25k``.

        A number with a point is a part of the whole, one without is what may stay.

        Raises
        ------
        ValueError
            If it is no budget; the message says what is one.
        """
        found = _FORM.fullmatch(text.strip())
        if not found or found["most"].count(".") > 1 or not found["most"].strip("."):
            raise ValueError(
                "budget must be KIND=NUMBER [on PART] [with multipliers=N | with cycles=N], such "
                f"as macs=0.5 or cycles=20000 with multipliers=64, not {text!r}"
            )
        most = float(found["most"]) if "." in found["most"] else int(found["most"])
        given = {found["given"]: int(found["number"])} if found["given"] else {}
        return Budget(found["kind"], most, Build(**given, part=found["part"] or FAMILY))

    def __str__(self) -> str:
        text, build = f"{self.kind}={self.most}", self.build
        text += f" on {build.part}" if build.part != FAMILY else ""
        for name in ("multipliers", "cycles"):
            number = getattr(build, name)
            text += "" if number is None else f" with {name}={number}"
        return text

    def price(self, pixels: Pixels) -> Price:
        """Make what asks a graph, whose pictures have some pixels, for its price."""
        if self.kind in COUNTS:
            return COUNTS[self.kind]
        build = self.build if self.kind in _TIME else replace(self.build, part=self.build.family)
        return self._figure(build, pixels)

    def proxy(self, pixels: Pixels) -> Price:
        """Make what says how much cheaper a graph is of which one layer alone is pruned.

        The price itself does not where layers share multipliers: what one saves leaves them as
        they are, or goes to all others. There it is multiply-adds, of which every multiplier does
        one a cycle; else the figure of one multiplier a layer, of which every layer has its own.
        """
        if self.kind in COUNTS:
            return COUNTS[self.kind]
        if self.kind in (*_TIME, "multipliers") or self.build.cycles is not None:
            return graph_macs
        return self._figure(Build(part=self.build.family), pixels)

    def _figure(self, build: Build, pixels: Pixels) -> Price:
        def asked(found: Graph) -> float:
            hardware = build(nominal(found, pixels, self.integers))
            return float("inf") if hardware is None else FIGURES[self.kind](hardware)

        return asked

    def limit(self, whole: float) -> float | Fraction:
        """Say how much may stay of a model that takes so much whole.

        Raises
        ------
        ValueError
            If a part is asked for of a model that cannot be had whole.
        """
        if not isinstance(self.most, float):
            return self.most
        if whole == float("inf"):
            raise ValueError(
                f"budget {self} must be a whole number: the model that is not pruned has no such "
                "hardware"
            )
        return Fraction(str(self.most)) * Fraction(whole)
