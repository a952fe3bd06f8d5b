"""``secateur bench area``: what each choice of the ECP5's cells gives, each alone."""

import argparse
from pathlib import Path
from typing import Any

from secateur.commands.bench_arguments import chosen, noting
from secateur.commands.bench_layers import seeds_of
from secateur.progress import Progress

OPTIONS = ("layer", "variant", "budget", "scales", "fold", "fmax", "seeds", "docs")
ROOM = "area"
FOLD = "8,4,1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that only this benchmark has."""
    group = parser.add_argument_group("area")
    group.add_argument(
        "--fold", metavar="P,G,R", help="of the layer; default: 8,4,1 or, with --budget, the best"
    )


def measured(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Measure one layer in every form; return the rows."""
    from hw.fold import Fold
    from secateur.bench import area
    from secateur.bench.cases import SCALES, SHAPES, VARIANTS, Case
    from secateur.bench.folds import best_folding
    from secateur.commands.arguments import numbers

    layer = _one("--layer", arguments.layer, "L4", tuple(SHAPES))
    variant = _one("--variant", arguments.variant, "dense", tuple(VARIANTS))
    scales = _one("--scales", arguments.scales, "shift", tuple(SCALES))
    seeds = range(1, seeds_of(arguments) + 1)
    if arguments.budget and (arguments.fold or len(arguments.budget) > 1):
        raise ValueError("--budget must be one number, and must not be given with --fold")
    budget = arguments.budget[0] if arguments.budget else 0
    network = Case(layer, variant, budget, scales).network
    if budget:
        folding = best_folding(network, budget).folding
    else:
        fold = [int(number) for number in numbers("fold", arguments.fold or FOLD)]
        if len(fold) != 3:
            raise ValueError(f"--fold must be P,G,R, not {arguments.fold!r}")
        folding = {network.input.name: Fold(1), layer: Fold(*fold)}
    with progress.step("synthesise"):
        return area.measure(network, folding, Path(arguments.out), noting(progress), seeds)


def _one(option: str, given: list[str] | None, usual: str, known: tuple[str, ...]) -> str:
    """Check a name that is given once, or not at all."""
    name, *others = chosen(option, given or (usual,), known)
    if others:
        raise ValueError(f"{option} must be given once with area, not {1 + len(others)} times")
    return name
