"""``secateur generate``: network file to a folder with its Verilog."""

import argparse
import re
import shutil
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

from secateur.commands.arguments import add_force
from secateur.commands.budget import (
    add_part,
    add_rate,
    cycles_of,
    fold_to_resources,
    resources_of,
    write_folding,
)
from secateur.commands.budget import read_folding as read_folding_file
from secateur.errors import BudgetError
from secateur.files import INTEGER, DesignFolder, read_json, refuse_existing
from secateur.progress import Progress

# Words of a memory in the Verilog itself at most: Yosys takes milliseconds to read each of them.
INLINE_WORDS = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("network", metavar="NETWORK", help="a network file")
    parser.add_argument("--multipliers", type=int, metavar="N", help="have at most N multipliers")
    parser.add_argument("--target", metavar="NAME", help="fit a part, such as ecp5-25k")
    parser.add_argument("--folding", metavar="FILE", help="the folds that `secateur fold` wrote")
    add_rate(parser)
    add_part(parser)
    parser.add_argument(
        "--cells",
        default="portable",
        metavar="FAMILY",
        help="what the Verilog is made of: portable (default), which any tool maps to any part, or "
        "cells of a family, which are smaller and faster: ecp5",
    )
    parser.add_argument(
        "--mem-files",
        type=int,
        default=INLINE_WORDS,
        metavar="N",
        help="memories of more than N words have their contents in .mem files beside top.v; "
        f"default: {INLINE_WORDS}",
    )
    parser.add_argument(
        "--loadable",
        action="store_true",
        help="weights, biases and scales can be loaded through a stream of their own, so that "
        "`secateur weights` needs no new bitstream",
    )
    parser.add_argument("--out", metavar="FOLDER", help="default: beside the network file")
    add_force(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Fold and generate; return what was predicted."""
    source = Path(arguments.network)
    default = source.with_name(source.name.removesuffix(INTEGER).removesuffix(".safetensors"))
    folder = DesignFolder(arguments.out or default)
    fold, budget = _fold(arguments)
    refuse_existing([folder.path], arguments.force)
    if arguments.mem_files < 0:
        raise ValueError(f"--mem-files must be at least 0, not {arguments.mem_files}")
    return generate(
        source,
        folder,
        fold,
        budget,
        progress,
        arguments.cells,
        inline_words=arguments.mem_files,
        loadable=arguments.loadable,
    )


def _fold(arguments: argparse.Namespace) -> tuple[Callable[[Any, Any], Any], Any]:
    """Say what folds a network, and the budget that it is given."""
    given = [
        name
        for name in ("multipliers", "target", "folding")
        if getattr(arguments, name) is not None
    ]
    cycles = cycles_of(arguments)
    if len(given) + (cycles is not None and given != ["target"]) != 1:
        raise ValueError(
            "one of --multipliers, --cycles, --fps, --target and --folding must say how to fold; "
            "of these, only --target goes with --cycles or --fps"
        )
    if arguments.target is not None:
        resources = resources_of(arguments)
        return lambda network, most: fold_to_resources(network, resources, most), cycles
    if arguments.folding is not None:
        folding = read_folding_file(Path(arguments.folding))
        return lambda network, read: read, folding
    if arguments.multipliers is None:
        return fold_to_cycles, cycles
    if arguments.multipliers < 1:
        raise ValueError(f"--multipliers must be at least 1, not {arguments.multipliers}")
    return fold_to_multipliers, arguments.multipliers


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
    fold: Callable[[Any, Any], Any],
    budget: Any,
    progress: Progress,
    cells: str = "portable",
    *,
    inline_words: int = INLINE_WORDS,
    loadable: bool = False,
) -> dict[str, Any]:
    """Fold a network and write its Verilog with all that later steps need; whole or not at all."""
    with progress.step("generate"):
        from hw.cells.named import named
        from hw.cost import predict
        from hw.network import Network
        from hw.plan import plan
        from hw.verilog import emit

        made_of, network = named(cells), Network.load(source)
        folding = fold(network, budget)
        plans = plan(network, folding, stages=made_of.stages, loadable=loadable)
        cost = predict(network, folding, plans)
        part = DesignFolder(folder.path.with_name(folder.path.name + ".part"))
        shutil.rmtree(part.path, ignore_errors=True)
        part.path.mkdir(parents=True)
        try:
            shutil.copyfile(source, part.network)
            name = re.sub(r"\W", "_", folder.path.name)
            emit(
                network,
                folding,
                part.path,
                network_file=part.network,
                top=name,
                cells=made_of,
                inline_words=inline_words,
                loadable=loadable,
            )
            write_folding(part.folding, folding)
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
        "folding": {layer.name: list(astuple(layer.fold)) for layer in cost.layers},
    }


def read_folding(folder: DesignFolder) -> Any:
    """Read the folding that `generate` wrote."""
    return read_folding_file(folder.folding, "generate")


def read_cells(folder: DesignFolder) -> Any:
    """Read of what cells a design is made; older ones are portable, and do not say so."""
    from hw.cells.named import named

    return named(read_json(folder.top, "generate").get("cells", "portable"))
