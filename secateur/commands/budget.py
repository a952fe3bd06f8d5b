"""Arguments that say what a design may take, and folds within that; shared by several commands."""

import argparse
import math
from dataclasses import astuple
from pathlib import Path
from typing import Any

from secateur.errors import BudgetError
from secateur.files import read_json, write_json

MHZ = 100.0  # what small parts reach with a wide margin; `--mhz` says another
FOLDING = "secateur.folding/1"
_NUMBERS = {"luts": "luts", "multipliers": "multipliers", "block_rams": "block-rams", "dsp": "dsp"}

_IGNORED = {
    "luts": "luts",
    "flip-flops": "flip_flops",
    "dsp": "dsp_cells",
    "block-rams": "block_rams",
}


def add_rate(parser: argparse.ArgumentParser) -> None:
    """Add what says how fast a design must be."""
    rate = parser.add_mutually_exclusive_group()
    rate.add_argument("--cycles", type=int, metavar="N", help="take at most N cycles a frame")
    rate.add_argument("--fps", type=float, metavar="F", help="do at least F frames a second")
    add_clock(parser)


def add_clock(parser: argparse.ArgumentParser) -> None:
    """Add the clock."""
    parser.add_argument(
        "--mhz", type=float, default=MHZ, metavar="M", help=f"clock; default: {MHZ:g}"
    )


def add_part(parser: argparse.ArgumentParser) -> None:
    """Add what says how much of a part may be taken."""
    parser.add_argument(
        "--share",
        type=float,
        metavar="S",
        help="part of a target's LUTs and flip-flops that may be taken, as one that is full cannot "
        "be routed; default: 0.9",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        choices=list(_IGNORED),
        help="fold as if there were enough of it; may be repeated",
    )


def resources_of(arguments: argparse.Namespace) -> Any:
    """Resources that count: those of `bounds_of`, but the ignored ones."""
    return bounds_of(arguments).without(_IGNORED[name] for name in arguments.ignore)


def bounds_of(arguments: argparse.Namespace) -> Any:
    """Resources of the target, or plain numbers; the numbers bound a target's own too.

    Raises
    ------
    ValueError
        If nothing is given, or the target is unknown.
    """
    from dataclasses import replace

    from hw.resources import ROUTABLE, Resources
    from hw.targets import target

    numbers = {key: getattr(arguments, key, None) for key in _NUMBERS}
    numbers["dsp_cells"] = numbers.pop("dsp")
    numbers = {key: number for key, number in numbers.items() if number is not None}
    if arguments.target is not None:
        share = ROUTABLE if arguments.share is None else arguments.share
        return replace(Resources.of(target(arguments.target), share), **numbers)
    if not numbers:
        options = ", ".join(f"--{option}" for option in _NUMBERS.values())
        raise ValueError(f"one of --target, {options} must say what the design may take")
    return Resources(**numbers)


def cycles_of(arguments: argparse.Namespace) -> int | None:
    """Most cycles of a frame, from ``--cycles`` or ``--fps``; None if neither is given."""
    if not 0 < arguments.mhz < math.inf:
        raise ValueError(f"--mhz must be above 0, not {arguments.mhz}")
    if arguments.fps is not None:
        if not 0 < arguments.fps < math.inf:
            raise ValueError(f"--fps must be above 0, not {arguments.fps}")
        return max(int(arguments.mhz * 1e6 / arguments.fps), 1)
    if arguments.cycles is not None and arguments.cycles < 1:
        raise ValueError(f"--cycles must be at least 1, not {arguments.cycles}")
    return arguments.cycles


def fold_to_resources(network: Any, resources: Any, cycles: int | None) -> Any:
    """Fold for resources.

    Raises
    ------
    BudgetError
        If nothing fits; what pruning would fit is told.
    """
    from hw.fit import DoesNotFit, fold_to_target

    try:
        return fold_to_target(network, resources, cycles=cycles, prune=pruner(network))
    except DoesNotFit as error:
        raise BudgetError(str(error)) from error


def pruner(network: Any) -> Any:
    """Make a function that draws networks without a part of their maps or, if need be, kernels."""
    from hw.layers import Conv
    from secateur.drawn_masks import Pruning, draw

    plain = all(len(layer.inputs) < 2 for layer in network.layers) and not any(
        isinstance(layer, Conv) and layer.groups > 1 for layer in network.layers
    )
    granularity = "feature-map" if plain else "kernel"
    return lambda found, ratio: draw(found, Pruning(granularity, ratio))


def write_folding(path: Path, folding: Any) -> None:
    """Write a folding, complete or not at all."""
    folds = {key: list(astuple(fold)) for key, fold in folding.items()}
    write_json(path, {"schema": FOLDING, "folding": folds})


def read_folding(path: Path, made_by: str = "fold") -> Any:
    """Read a folding.

    Raises
    ------
    ValueError
        If it is not there or is damaged; the file is named.
    """
    from hw.plan import Fold

    try:
        record = read_json(path, made_by)["folding"]
        folding = {name: Fold(*fold) for name, fold in record.items()}
        if not all(isinstance(n, int) for fold in folding.values() for n in astuple(fold)):
            raise TypeError("folds must be whole numbers")
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: not a record of secateur {made_by}") from error
    return folding
