"""``secateur bench prices``: what granularities cost as hardware at equal multiply-adds."""

import argparse
from typing import Any

from secateur.commands.bench_arguments import model_and_data
from secateur.progress import Progress

OPTIONS = (
    "weights",
    "model",
    "data",
    "folder",
    "mean",
    "std",
    "budget",
    "cycles",
    "target",
    "docs",
)
ROOM = "prices"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that only this benchmark has."""
    group = parser.add_argument_group("prices")
    group.add_argument("--cycles", type=int, metavar="N", help="that a frame of a design may take")
    group.add_argument("--target", metavar="NAME", help="part or family; default: ecp5")


def measured(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Ask for prices; return the rows."""
    from secateur.bench import prices

    if not arguments.cycles or arguments.cycles < 1:
        raise ValueError(f"--cycles must be at least 1, not {arguments.cycles}")
    if not arguments.budget or len(arguments.budget) > 1 or arguments.budget[0] < 1:
        raise ValueError(f"--budget must be one number of multipliers, not {arguments.budget}")
    with progress.step("data"):
        model, _ = model_and_data(arguments)
    with progress.step("prices"):
        family = arguments.target or "ecp5"
        return prices.measure(model, arguments.budget[0], arguments.cycles, family)
