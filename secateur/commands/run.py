"""``secateur run``: run file to report, every step in order."""

import argparse
from typing import Any

from secateur.commands import report, train
from secateur.commands.arguments import add_run_file, read_run_file
from secateur.commands.generate import fold_to_cycles, fold_to_multipliers, generate
from secateur.commands.prune import prune_dense
from secateur.commands.simulate import simulate
from secateur.files import DESIGNS, Folder, refuse_existing
from secateur.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run_file(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Do all of it; return the ledger."""
    run, folder = read_run_file(arguments)
    refuse_existing([folder.run, *(folder.design(name).path for name in DESIGNS)], arguments.force)
    data = train.load_data(run, progress)
    train.train_dense(run, folder, data, progress)
    prune_dense(run, folder, data, progress)
    generate_designs(folder, run.hardware.multipliers, progress)
    designs = [folder.design(name) for name in DESIGNS]
    simulate(designs, folder.frames, None, run.simulate.stalls, run.seed, progress)
    return {**report.report(folder, progress), "page": str(folder.page)}


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    return f"{report.describe(result)}\n\n{result['page']}"


def generate_designs(folder: Folder, multipliers: int, progress: Progress) -> None:
    """Generate the pruned design to its budget, and its two dense twins."""
    pruned, dense, rate = (folder.design(name) for name in DESIGNS)
    source = folder.network("pruned")
    made = generate(source, pruned, fold_to_multipliers, multipliers, progress)
    source = folder.network("dense")
    generate(source, dense, fold_to_multipliers, made["multipliers"], progress)
    generate(source, rate, fold_to_cycles, made["interval"], progress)
