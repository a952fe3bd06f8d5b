"""``secateur prune``: trained dense model to a pruned, retrained one and its integer network."""

import argparse
import shutil
from dataclasses import replace
from typing import Any

from secateur.commands import train
from secateur.commands.arguments import add_run_file, key_and_value, read_run_file
from secateur.files import Folder, refuse_existing
from secateur.progress import Progress
from secateur.run_file import GRANULARITIES, SELECTORS, RunFile
from secateur.training_log import TrainingLog


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_run_file(parser)
    group = parser.add_argument_group("in place of the run file's own")
    group.add_argument("--selector", metavar="NAME", help=f"who chooses: {', '.join(SELECTORS)}")
    group.add_argument(
        "--granularity", metavar="NAME", help=f"what is cut: {', '.join(GRANULARITIES)}"
    )
    group.add_argument(
        "--budget",
        metavar="KIND=NUMBER",
        help="what may stay, such as macs=0.5 or 'cycles=20000 with multipliers=64'",
    )
    group.add_argument(
        "--allocation", metavar="NAME", help="how layers share it: uniform, sensitivity"
    )
    group.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="of the selector; may be repeated",
    )
    group = parser.add_argument_group("who scores masks, which changes none")
    group.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes of this machine; default: 1"
    )
    group.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="workers of a Dask scheduler, such as tcp://host:8786",
    )


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Prune and retrain; return the accuracy and the files."""
    run, folder = read_run_file(arguments, _asked(arguments))
    refuse_existing([folder.checkpoint("pruned"), folder.network("pruned")], arguments.force)
    if arguments.force:
        shutil.rmtree(folder.steps, ignore_errors=True)
    data = train.load_data(run, progress)
    return prune_dense(run, folder, data, progress, arguments.workers, arguments.scheduler)


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    pruned = result["prune"]
    before, after = (pruned["macs"][when] for when in ("before", "after"))
    whom = f"{pruned['selector']} by {pruned['granularity']}"
    lines = [train.describe(result), f"{whom}: {1 - after / before:.1%} of {before:,} MACs pruned"]
    price = pruned["price"]
    if not pruned["budget"].startswith("macs") and None not in price.values():
        ends = f"{price['before']:,.0f} before, {price['after']:,.0f} after"
        lines.append(f"budget {pruned['budget']}: {ends}")
    return "\n".join(lines)


def prune_dense(
    run: RunFile,
    folder: Folder,
    data: Any,
    progress: Progress,
    workers: int = 1,
    scheduler: str | None = None,
) -> dict[str, Any]:
    """Prune the dense model, retrain it, make it integer and write all of it.

    What is done is kept on the way, so that a run that was stopped goes on where it was.
    """
    if not folder.checkpoint("dense").is_file():
        raise ValueError(f"{folder.checkpoint('dense')} is missing; secateur train makes it")
    asked = run.prune
    with progress.step("prune"):
        from pruning.budget import Budget
        from pruning.checkpoint import load_model
        from pruning.constraints import Constraints
        from pruning.executors import executor
        from pruning.price import Integers
        from pruning.schedules import prune_and_train
        from pruning.selectors.making import make_selector

        dense = load_model(folder.checkpoint("dense"))
        constraints = Constraints(
            multiple=asked.multiple,
            balanced=asked.balanced,
            group=asked.group,
            layers=asked.layers,
            protect=asked.protect,
        )
        wanted = run.quantise
        bits = (wanted.weight_bits, wanted.activation_bits)
        integers = Integers(*bits, power_of_two=wanted.power_of_two)
        training = {
            "epochs": asked.epochs,
            "rate": asked.rate,
            "batch": run.train.batch,
            "augment": run.train.augment,
            "distil": asked.distil,
        }
        log = TrainingLog(folder.training_log("pruned"), goes_on=folder.steps.exists())
        with executor(workers, scheduler) as pool:
            pruned = prune_and_train(
                dense,
                data,
                training=training,
                steps=asked.steps,
                budget=replace(Budget.parse(asked.budget), integers=integers),
                allocation=asked.allocation,
                granularity=asked.granularity,
                selector=make_selector(asked.selector, **asked.settings),
                constraints=constraints,
                teacher=dense if asked.distil else None,
                folder=folder.steps,
                seed=run.seed,
                threads=run.train.threads,
                progress=progress.update,
                executor=pool,
                log=log,
            )
        progress.note(f"{pruned.macs:,} of {dense.macs:,} MACs survive")
    result = train.write_model(run, folder, "pruned", pruned, data, progress)
    shutil.rmtree(folder.steps)
    return result


def _asked(arguments: argparse.Namespace) -> dict[str, Any]:
    """Values that take the place of the run file's."""
    names = ("selector", "granularity", "budget", "allocation")
    found = {name: getattr(arguments, name) for name in names}
    settings = dict(key_and_value("setting", text) for text in arguments.setting)
    if settings or arguments.selector:  # another selector has other settings
        found["settings"] = settings
    return {name: value for name, value in found.items() if value is not None}
