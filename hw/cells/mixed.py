"""Cells of the ECP5 of which some are portable ones, to see what each of them gives."""

from collections.abc import Iterable, Sequence

from amaranth import *
from amaranth.lib import data

from hw.cells.ecp5 import Ecp5
from hw.cells.portable import PORTABLE, Portable, Start
from hw.contents import Contents
from hw.layer_plan import LayerPlan
from hw.parts.load import Write
from hw.timing import Stages

CHOICES = {
    "accumulators": "sums in carry cells, which begin with their biases",
    "multipliers": "multiplier cells with their registers",
    "block RAM": "block RAM with its output register",
}


class Mixed(Ecp5):
    """Cells of the ECP5 where they are chosen, of `CHOICES`, and portable ones elsewhere."""

    def __init__(self, choices: Iterable[str]) -> None:
        chosen, own, plain = frozenset(choices), Ecp5.stages, PORTABLE.stages
        self.of: dict[str, type[Portable]] = {
            name: Ecp5 if name in chosen else Portable for name in CHOICES
        }
        self.stages = Stages(
            read=(own if "block RAM" in chosen else plain).read,
            multiply=(own if "multipliers" in chosen else plain).multiply,
            accumulate=(own if "accumulators" in chosen else plain).accumulate,
            preloads=(own if "accumulators" in chosen else plain).preloads,
        )

    def row_buffer(
        self,
        m: Module,
        name: str,
        depth: int,
        neutral: int,
        write: tuple[Value, data.View, Value],
        address: Value,
    ) -> Value:
        """Build a bank of a row buffer."""
        made = self.of["block RAM"]
        return made.row_buffer(self, m, name, depth, neutral, write, address)

    def rom(self, m: Module, name: str, width: int, words: Sequence[int], address: Value) -> Value:
        """Build a memory that is only read."""
        return self.of["block RAM"].rom(self, m, name, width, words, address)

    def loadable(
        self, m: Module, name: str, contents: Contents, address: Value, write: Write
    ) -> Value:
        """Build a memory that can be loaded."""
        return self.of["block RAM"].loadable(self, m, name, contents, address, write)

    def product(self, m: Module, name: str, a: Value, b: Value) -> Value:
        """Multiply."""
        return self.of["multipliers"].product(self, m, name, a, b)

    def accumulate(
        self,
        m: Module,
        name: str,
        product: Value,
        last: Value,
        hold: Value,
        start: Start | None,
        *,
        holds: bool,
    ) -> None:
        """Sum products in one lane."""
        made = self.of["accumulators"]
        made.accumulate(self, m, name, product, last, hold, start, holds=holds)

    def gather(
        self,
        m: Module,
        plan: LayerPlan,
        name: str,
        sides: Sequence[Sequence[data.View]],
        result: data.View,
    ) -> None:
        """Gather sums."""
        self.of["accumulators"].gather(self, m, plan, name, sides, result)
