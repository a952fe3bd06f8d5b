"""``secateur bench layers``: single layers, dense and pruned, against their prediction."""

import argparse
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from secateur.commands.bench_arguments import budgets_of, chosen, noting
from secateur.errors import VerificationError
from secateur.progress import Progress

SEEDS = 3

OPTIONS = ("layer", "variant", "budget", "scales", "cells", "no_synth", "fmax", "seeds", "docs")
ROOM = "page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that only this benchmark has."""
    group = parser.add_argument_group("layers, area and families")
    group.add_argument(
        "--scales",
        action="append",
        metavar="NAME",
        help="how sums are scaled: multiplier or shift; default: multiplier for layers, shift for "
        "area, both for families; may be repeated",
    )
    group.add_argument(
        "--cells",
        action="append",
        metavar="NAME",
        help="layers: family of parts that they are made of; default: portable; may be repeated",
    )
    group.add_argument("--no-synth", action="store_true", help="layers: synthesise nothing")
    group.add_argument("--fmax", action="store_true", help="place and route; takes long")


def measured(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Measure layers; return the rows."""
    from hw.cells.named import CELLS
    from secateur.bench.cases import BUDGETS, SCALES, SHAPES, VARIANTS, Case
    from secateur.bench.layers import family_of

    layers = chosen("--layer", arguments.layer, tuple(SHAPES))
    variants = chosen("--variant", arguments.variant, tuple(VARIANTS))
    budgets = budgets_of(arguments.budget or BUDGETS)
    scales = chosen("--scales", arguments.scales or ("multiplier",), tuple(SCALES))
    cells = chosen("--cells", arguments.cells or ("portable",), tuple(CELLS))
    seeds = range(1, seeds_of(arguments) + 1)
    if seeds and (wrong := [name for name in cells if family_of(name) != "ecp5"]):
        raise ValueError(f"--fmax must be given with cells of ecp5, not {', '.join(wrong)}")
    cases = [Case(*each) for each in product(layers, variants, budgets, scales, cells)]
    folder = Path(arguments.out)
    return measure(cases, folder, progress, synth=not arguments.no_synth, seeds=seeds)


def seeds_of(arguments: argparse.Namespace) -> int:
    """Count the seeds of place and route; 0 where it is not asked for."""
    for option in ("fmax", "seeds"):
        if arguments.no_synth and getattr(arguments, option) not in (None, False):
            raise ValueError(f"--{option} must not be given with --no-synth")
    if arguments.seeds is None:
        return SEEDS if arguments.fmax else 0
    if arguments.seeds < 1:
        raise ValueError(f"--seeds must be at least 1, not {arguments.seeds}")
    return arguments.seeds


def measure(
    cases: Sequence[Any], folder: Path, progress: Progress, *, synth: bool, seeds: Sequence[int]
) -> list[dict[str, Any]]:
    """Generate, simulate and, where asked to, synthesise cases; describe each by a row.

    Raises
    ------
    VerificationError
        If a result, or the number of cycles, is not what it must be.
    """
    from secateur.bench import layers, synthesis
    from secateur.bench.folds import best_folding

    note = noting(progress)
    with progress.step("generate"):
        made = layers.generate_all(cases, folder / "layers", note)
        dense = {case.dense: best_folding(case.dense.network, case.budget) for case in cases}
    with progress.step("simulate"):
        simulated = layers.simulate_all(made, folder / "simulation", note)
    cache = folder / "synthesis"
    if synth:
        with progress.step("synthesise"):
            figures = layers.synthesise_all(made, cache, note, seeds)
    else:
        figures = {
            one.case: synthesis.known(one.engine, cache, layers.family_of(one.case.cells))
            for one in made
        }
    rows = [
        layers.row(one, simulated[one.case], dense[one.case.dense], figures[one.case])
        for one in made
    ]
    if complaints := layers.complaints(rows):
        raise VerificationError("; ".join(complaints))
    return rows
