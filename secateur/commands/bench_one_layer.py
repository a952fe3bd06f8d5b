"""Arguments of the benchmarks of one layer, and what they mean."""

import argparse
from collections.abc import Sequence
from typing import Any

from secateur.commands.bench_arguments import budgets_of, chosen

OPTIONS = ("layer", "variant", "budget", "scales", "fold", "docs")
FOLD = "8,4,1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that only these benchmarks have."""
    group = parser.add_argument_group("area and families")
    group.add_argument(
        "--fold",
        metavar="P,G,R",
        help=f"of the layer; default: {FOLD} or, with --budget, the best",
    )


def one_layer(
    arguments: argparse.Namespace, scales: Sequence[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make the network of the layer that is asked for, and fold it.

    Parameters
    ----------
    arguments : argparse.Namespace
    scales : sequence of str
        Of `secateur.bench.cases.SCALES`.

    Returns
    -------
    networks : dict of str to hw.network.Network
        The layer with each of the scales.
    folding : hw.fold.Folding
        The same for all of them.

    Raises
    ------
    ValueError
        If an argument is wrong, or the budget allows no fold.
    """
    from hw.fold import Fold
    from secateur.bench.cases import SHAPES, VARIANTS, Case
    from secateur.bench.folds import best_folding

    layer = once(arguments, "layer", "L4", tuple(SHAPES))
    variant = once(arguments, "variant", "dense", tuple(VARIANTS))
    budget = _budget(arguments)
    networks = {name: Case(layer, variant, budget, name).network for name in scales}
    network = networks[scales[0]]
    if budget:
        return networks, best_folding(network, budget).folding
    fold = _fold(FOLD if arguments.fold is None else arguments.fold)
    return networks, {network.input.name: Fold(1), layer: Fold(*fold)}


def once(arguments: argparse.Namespace, key: str, usual: str, known: tuple[str, ...]) -> str:
    """Check a name that is given once, or not at all.

    Raises
    ------
    ValueError
        If it is none of those that are known, or if there are several.
    """
    name, *others = chosen(f"--{key}", getattr(arguments, key) or (usual,), known)
    if others:
        given = f"{1 + len(others)} times"
        raise ValueError(f"--{key} must be given once with {arguments.what}, not {given}")
    return name


def _budget(arguments: argparse.Namespace) -> int:
    """Check the number of multipliers; 0 if there is none."""
    if arguments.budget is None:
        return 0
    budget, *others = budgets_of(arguments.budget)
    if others or arguments.fold is not None:
        raise ValueError("--budget must be one number, and must not be given with --fold")
    return budget


def _fold(text: str) -> tuple[int, int, int]:
    try:
        p, g, r = map(int, text.split(","))
    except ValueError:
        raise ValueError(f"--fold must be P,G,R, not {text!r}") from None
    return p, g, r
