"""``secateur generate``: network file to a folder with its Verilog."""

import argparse
import re
import shutil
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

from secateur.commands.arguments import add_force
from secateur.errors import BudgetError
from secateur.files import INTEGER, DesignFolder, refuse_existing, write_json
from secateur.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("network", metavar="NETWORK", help="a network file")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--multipliers", type=int, metavar="N", help="have at most N multipliers")
    budget.add_argument("--cycles", type=int, metavar="N", help="take at most N cycles a frame")
    parser.add_argument("--out", metavar="FOLDER", help="default: beside the network file")
    add_force(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Fold and generate; return what was predicted."""
    source = Path(arguments.network)
    default = source.with_name(source.name.removesuffix(INTEGER).removesuffix(".safetensors"))
    folder = DesignFolder(arguments.out or default)
    if arguments.cycles is None:
        name, fold, budget = "multipliers", fold_to_multipliers, arguments.multipliers
    else:
        name, fold, budget = "cycles", fold_to_cycles, arguments.cycles
    if budget < 1:
        raise ValueError(f"--{name} must be at least 1, not {budget}")
    refuse_existing([folder.path], arguments.force)
    return generate(source, folder, fold, budget, progress)


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    folds = "  ".join(
        f"{name} {'x'.join(map(str, fold))}" for name, fold in result["folding"].items()
    )
    return (
        f"{result['folder']}: {result['multipliers']} multipliers, {result['interval']:,} cycles a "
        f"frame, utilisation {result['utilisation']:.1%}\n{folds}"
    )


def fold_to_multipliers(network: Any, multipliers: int) -> Any:
    """Fold for the shortest interval on at most so many multipliers."""
    from hw import folding
    from hw.layers import Conv

    convolutions = sum(isinstance(layer, Conv) for layer in network.layers)
    if multipliers < convolutions:
        raise BudgetError(
            f"network {network.name!r} needs at least {convolutions} multipliers, one a layer, "
            f"but the budget is {multipliers}"
        )
    return folding.fold_to_multipliers(network, multipliers)


def fold_to_cycles(network: Any, cycles: int) -> Any:
    """Fold for the fewest multipliers that need at most so many cycles a frame."""
    from hw import folding

    try:
        return folding.fold_to_interval(network, cycles)
    except ValueError as error:
        raise BudgetError(str(error)) from error


def generate(
    source: Path,
    folder: DesignFolder,
    fold: Callable[[Any, int], Any],
    budget: int,
    progress: Progress,
) -> dict[str, Any]:
    """Fold a network and write its Verilog with all that later steps need; whole or not at all."""
    with progress.step("generate"):
        from hw.cost import predict
        from hw.network import Network
        from hw.verilog import emit

        network = Network.load(source)
        folding = fold(network, budget)
        cost = predict(network, folding)
        part = DesignFolder(folder.path.with_name(folder.path.name + ".part"))
        shutil.rmtree(part.path, ignore_errors=True)
        part.path.mkdir(parents=True)
        try:
            shutil.copyfile(source, part.network)
            name = re.sub(r"\W", "_", folder.path.name)
            emit(network, folding, part.path, network_file=part.network, top=name)
            folds = {key: list(astuple(fold)) for key, fold in folding.items()}
            write_json(part.folding, {"schema": "secateur.folding/1", "folding": folds})
            shutil.rmtree(folder.path, ignore_errors=True)
            part.path.replace(folder.path)
        finally:
            shutil.rmtree(part.path, ignore_errors=True)
        progress.note(f"{name}: {cost.multipliers} multipliers, {cost.interval:,} cycles a frame")
    return {
        "schema": "secateur.generate/1",
        "folder": str(folder.path),
        "multipliers": cost.multipliers,
        "interval": cost.interval,
        "latency": cost.latency,
        "utilisation": cost.utilisation,
        "folding": {layer.name: folds[layer.name] for layer in cost.layers if layer.name in folds},
    }


def read_folding(folder: DesignFolder) -> Any:
    """Read the folding that `generate` wrote."""
    from hw.plan import Fold
    from secateur.files import read_json

    try:
        record = read_json(folder.folding, "generate")["folding"]
        return {name: Fold(*fold) for name, fold in record.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder.folding}: not a record of secateur generate") from error
