"""``secateur prune``: trained dense model to a pruned, retrained one and its integer network."""

import argparse
from typing import Any

from secateur.commands import train
from secateur.commands.arguments import add_run_file, read_run_file
from secateur.files import Folder, refuse_existing
from secateur.progress import Progress
from secateur.run_file import RunFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run_file(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Prune and retrain; return the accuracy and the files."""
    run, folder = read_run_file(arguments)
    refuse_existing([folder.checkpoint("pruned"), folder.network("pruned")], arguments.force)
    return prune_dense(run, folder, train.load_data(run, progress), progress)


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    before, after = (result["prune"]["macs"][when] for when in ("before", "after"))
    return f"{train.describe(result)}\n{1 - after / before:.1%} of {before:,} MACs pruned"


def prune_dense(run: RunFile, folder: Folder, data: Any, progress: Progress) -> dict[str, Any]:
    """Prune the dense model, retrain it, make it integer and write all of it."""
    if not folder.checkpoint("dense").is_file():
        raise ValueError(f"{folder.checkpoint('dense')} is missing; secateur train makes it")
    with progress.step("prune"):
        from pruning.budget import Budget
        from pruning.checkpoint import load_model
        from pruning.prune import prune
        from pruning.selectors import RandomMasks

        dense = load_model(folder.checkpoint("dense"))
        pruned = prune(
            dense,
            data,
            budget=Budget("macs", float(run.prune.macs)),
            selector=RandomMasks(candidates=run.prune.candidates),
            seed=run.seed,
            threads=run.train.threads,
            progress=progress.update,
        )
        progress.note(f"{pruned.macs:,} of {dense.macs:,} MACs survive")
    with progress.step("retrain"):
        from pruning.train import train as retrain

        pruned = retrain(
            pruned,
            data,
            epochs=run.prune.epochs,
            rate=run.prune.rate,
            batch=run.train.batch,
            seed=run.seed,
            threads=run.train.threads,
            progress=progress.update,
        )
    return train.write_model(run, folder, "pruned", pruned, data, progress)
