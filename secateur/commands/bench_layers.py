"""``secateur bench layers``: single layers, dense and pruned, against their prediction."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secateur.commands.bench_arguments import budgets_of, chosen, noting
from secateur.errors import VerificationError
from secateur.progress import Progress

OPTIONS = ("layer", "variant", "budget", "no_synth", "fmax", "docs")
ROOM = "page"


def measured(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Measure layers; return the rows."""
    from secateur.bench.cases import BUDGETS, SHAPES, VARIANTS, Case

    layers = chosen("--layer", arguments.layer, tuple(SHAPES))
    variants = chosen("--variant", arguments.variant, tuple(VARIANTS))
    budgets = budgets_of(arguments.budget or BUDGETS)
    if arguments.no_synth and arguments.fmax:
        raise ValueError("--fmax must not be given with --no-synth")
    cases = [
        Case(layer, variant, budget)
        for layer in layers
        for variant in variants
        for budget in budgets
    ]
    folder = Path(arguments.out)
    return measure(cases, folder, progress, synth=not arguments.no_synth, place=arguments.fmax)


def measure(
    cases: Sequence[Any], folder: Path, progress: Progress, *, synth: bool, place: bool
) -> list[dict[str, Any]]:
    """Generate, simulate and, where asked to, synthesise cases; describe each by a row.

    Raises
    ------
    VerificationError
        If a result, or the number of cycles, is not what it must be.
    """
    from secateur.bench import layers, synthesis
    from secateur.bench.cases import network
    from secateur.bench.folds import best_folding

    note = noting(progress)
    with progress.step("generate"):
        made = layers.generate_all(cases, folder / "layers", note)
        dense = {
            case.dense: best_folding(network(case.layer, "dense"), case.budget) for case in cases
        }
    with progress.step("simulate"):
        simulated = layers.simulate_all(made, folder / "simulation", note)
    cache = folder / "synthesis"
    if synth:
        with progress.step("synthesise"):
            figures = layers.synthesise_all(made, cache, note, place=place)
    else:
        figures = {one.case: synthesis.known(one.folder / "top.v", cache) for one in made}
    rows = [
        layers.row(one, simulated[one.case], dense[one.case.dense], figures[one.case])
        for one in made
    ]
    if complaints := layers.complaints(rows):
        raise VerificationError("; ".join(complaints))
    return rows
