"""Area of a network's hardware, predicted for a family of FPGAs without synthesis."""

import json
import math
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from hw.area_parts import Parts
from hw.families import FAMILIES
from hw.fold import Folding
from hw.network import Network
from hw.outputs import outputs_of
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


OUTPUT = "output stream"  # or all of them; no name of a layer has a space


@dataclass(frozen=True)
class Area:
    """Area of a design.

    Parameters
    ----------
    luts : int
        LUTs, and what takes their place (`docs/area.md`); on ECP5 LUT4-equivalents.
    flip_flops : int
        Outside multiplier cells and block RAMs.
    dsp_cells : float
        Multiplier cells; on Gowin two of 9x9 are one, so that a layer may have half a one.
    block_rams : int
        Of 18 kbit; of 4 kbit on iCE40.
    """

    luts: int
    flip_flops: int
    dsp_cells: float
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
    counts = count(network, folding, family, plans)
    area = worth(counts, family)
    return replace(area, dsp_cells=math.ceil(area.dsp_cells))


def predict_parts(
    network: Network, folding: Folding, family: str, plans: tuple[Plan, ...] | None = None
) -> dict[str, Area]:
    """Predict what Yosys makes of each part of a folded network, as `predict_area`.

    Returns
    -------
    dict of str to Area
        By the names of the input and the layers, and last by `OUTPUT` what sends all results.
    """
    counts = count_parts(network, folding, family, plans)
    return {name: worth(found, family) for name, found in counts.items()}


def worth(counts: dict[str, float], family: str) -> Area:
    """Area of what was counted."""
    found = coefficients()[family]
    luts, flip_flops = (
        counts[kind] + sum(each * counts[name] for name, each in found[kind].items())
        for kind in ("luts", "flip_flops")
    )
    return Area(
        round(luts), round(flip_flops), counts["dsp_cells"], math.ceil(counts["block_rams"])
    )


def count(
    network: Network, folding: Folding, family: str, plans: tuple[Plan, ...] | None = None
) -> dict[str, float]:
    """Count what all parts of a folded network are made of (`hw.area_counts`)."""
    counts: defaultdict[str, float] = defaultdict(float)
    for found in count_parts(network, folding, family, plans).values():
        for kind, number in found.items():
            counts[kind] += number
    return counts


def count_parts(
    network: Network, folding: Folding, family: str, plans: tuple[Plan, ...] | None = None
) -> dict[str, dict[str, float]]:
    """Count what each part of a folded network is made of, as `predict_parts`."""
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {family!r}")
    plans = plans or plan(network, folding)
    outputs = outputs_of(network, folding, plans)
    parts = Parts(FAMILIES[family], plans, outputs)
    parts.source(network.input, input_columns(network.input, folding))
    found = {network.input.name: parts.take()}
    for made in plans:
        if isinstance(made, AddPlan):
            parts.add(made)
        else:
            parts.layer(made)
        found[made.name] = parts.take()
    for output in outputs:
        parts.sink(output)
    return found | {OUTPUT: parts.take()}


@cache
def coefficients() -> dict[str, dict[str, dict[str, float]]]:
    """LUTs and flip-flops that a counted bit is worth, by family: `tools/calibrate-area`."""
    return json.loads(files("hw").joinpath("area.json").read_text(encoding="utf-8"))
