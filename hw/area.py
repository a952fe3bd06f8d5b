"""Area of a network's hardware, predicted for a family of FPGAs without synthesis."""

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from hw.area_parts import Parts
from hw.families import FAMILIES
from hw.fold import Folding
from hw.network import Network
from hw.plan import AddPlan, Plan, input_columns, plan

# What is fitted: kinds of logic and of registers (`hw.area_counts`), each with what a bit of it is
# expected to be worth.
KINDS = {
    "luts": {
        "counters": 1.5,
        "adders": 1.0,
        "cell_sums": 1.0,
        "logic_sums": 1.0,
        "sums": 1.0,
        "products": 1.0,
        "selects": 0.7,
        "window_selects": 0.7,
        "decodes": 1.0,
        "enables": 1.0,
        "ors": 1.0,
        "saturates": 1.0,
        "maxima": 1.5,
        "memory_selects": 0.7,
        "memory_writes": 1.0,
        "emulated": 1.0,
        "compared": 0.5,
        "tables": 1.0,
        "table_selects": 0.5,
        "layers": 20.0,
    },
    "flip_flops": {
        "registers": 1.0,
        "control": 1.0,
        "window": 1.0,
        "delays": 1.0,
        "cell_registers": 1.0,
        "scaled": 1.0,
        "outputs": 1.0,
    },
}


@dataclass(frozen=True)
class Area:
    """Area of a design.

    Parameters
    ----------
    luts : int
        LUTs, and what takes their place (`docs/area.md`); on ECP5 LUT4-equivalents.
    flip_flops : int
        Outside multiplier cells and block RAMs.
    dsp_cells : int
        Multiplier cells; on Gowin two of 9x9 are one.
    block_rams : int
        Of 18 kbit; of 4 kbit on iCE40.
    """

    luts: int
    flip_flops: int
    dsp_cells: int
    block_rams: int


def predict_area(
    network: Network, folding: Folding, family: str, plans: tuple[Plan, ...] | None = None
) -> Area:
    """Predict what Yosys makes of a folded network.

    Parameters
    ----------
    network : Network
    folding : Folding
    family : str
        One of `hw.families.FAMILIES`.
    plans : tuple of LayerPlan or AddPlan, optional
        Of `hw.plan.plan`, if they are there already.

    Raises
    ------
    UnsupportedLayer, ValueError
        As `hw.plan.plan`; or if the family is unknown.
    """
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {family!r}")
    counts, worth = count(network, folding, family, plans), coefficients()[family]
    luts, flip_flops = (
        counts[kind] + sum(each * counts[name] for name, each in worth[kind].items())
        for kind in ("luts", "flip_flops")
    )
    cells = counts["dsp_cells"], counts["block_rams"]
    return Area(round(luts), round(flip_flops), *(math.ceil(number) for number in cells))


def count(
    network: Network, folding: Folding, family: str, plans: tuple[Plan, ...] | None = None
) -> dict[str, float]:
    """Count what all parts of a folded network are made of (`hw.area_counts`)."""
    plans = plans or plan(network, folding)
    parts = Parts(FAMILIES[family], plans)
    parts.source(network.input, input_columns(network.input, folding))
    for made in plans:
        if isinstance(made, AddPlan):
            parts.add(made)
        else:
            parts.layer(made)
    parts.forks()
    parts.sink(plans[-1])
    return parts.counts


@cache
def coefficients() -> dict[str, dict[str, dict[str, float]]]:
    """LUTs and flip-flops that a counted bit is worth, by family: `tools/calibrate-area`."""
    return json.loads(files("hw").joinpath("area.json").read_text(encoding="utf-8"))
