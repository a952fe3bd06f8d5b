"""``secateur estimate``: what a network would cost, and what a pruning of it would save."""

import argparse
from pathlib import Path
from typing import Any

from secateur.progress import Progress
from secateur.table import table

MULTIPLIERS = 32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("network", metavar="NETWORK", help="a network file")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument(
        "--multipliers", type=int, metavar="N", help=f"have at most N; default: {MULTIPLIERS}"
    )
    budget.add_argument("--interval", type=int, metavar="N", help="take at most N cycles a frame")
    parser.add_argument(
        "--prune",
        metavar="ratio=0.5,granularity=kernel",
        help="draw this pruning at random; granularities: feature-map, kernel, kernel-group, "
        "intra-kernel, column, weight",
    )


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Estimate the network as it is, and pruned if asked to."""
    from hw.network import Network
    from secateur.commands.generate import fold_to_cycles, fold_to_multipliers
    from secateur.drawn_masks import draw, parse

    if arguments.interval is None:
        fold, budget, name = fold_to_multipliers, arguments.multipliers, "multipliers"
        budget = MULTIPLIERS if budget is None else budget
    else:
        fold, budget, name = fold_to_cycles, arguments.interval, "interval"
    if budget < 1:
        raise ValueError(f"--{name} must be at least 1, not {budget}")
    pruning = None if arguments.prune is None else parse(arguments.prune)
    with progress.step("estimate"):
        network = Network.load(Path(arguments.network))
        designs = {"dense": _figures(network, fold(network, budget))}
        if pruning is not None:
            pruned = draw(network, pruning)
            designs["pruned"] = _figures(pruned, fold(pruned, budget))
    return {
        "schema": "secateur.estimate/1",
        "network": network.name,
        "budget": {name: budget},
        "prune": None if pruning is None else vars(pruning),
        **designs,
    }


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    designs = [result[name] for name in ("dense", "pruned") if name in result]
    (budget, most), *_ = result["budget"].items()
    head = [f"{result['network']}, {budget} at most {most:,}", "as it is"]
    if result["prune"]:
        head += ["{granularity} {ratio:.0%}".format(**result["prune"]), "saved"]
    keys = {
        "cycles a frame": "interval",
        "latency": "latency",
        "multipliers": "multipliers",
        "MACs": "macs",
        "parameters": "parameters",
        "memory bits": "memory_bits",
    }
    rows = [
        [title, *(f"{design[key]:,}" for design in designs), *_saved(key, *designs)]
        for title, key in keys.items()
    ]
    used = [f"{design['utilisation']:.1%}" for design in designs]
    totals = table(head, [*rows, ["utilisation", *used, *[""] * (len(designs) - 1)]])
    index = [f"{title}: coding, bits a tap" for title in head[1 : 1 + len(designs)]]
    layers = [
        [name, *(_index(design["layers"][name]) for design in designs if name in design["layers"])]
        for name in designs[0]["layers"]
    ]
    return totals + "\n\n" + table(["layer", *index], layers)


def _index(layer: dict[str, Any]) -> str:
    bits = layer["schedule_bits_per_tap"]
    return "-" if bits is None else f"{layer['coding']} {bits:.2f}"


def _saved(key: str, dense: dict[str, Any], pruned: dict[str, Any] | None = None) -> list[str]:
    return [] if pruned is None else [f"{1 - pruned[key] / dense[key]:.1%}"]


def _figures(network: Any, folding: Any) -> dict[str, Any]:
    from hw.cost import predict

    cost = predict(network, folding)
    return {
        "interval": cost.interval,
        "latency": cost.latency,
        "multipliers": cost.multipliers,
        "macs": network.macs,
        "parameters": network.parameters,
        "memory_bits": cost.memory_bits,
        "utilisation": cost.utilisation,
        "layers": {
            layer.name: {
                "fold": [layer.fold.P, layer.fold.G, layer.fold.R],
                "cycles": layer.cycles,
                "multipliers": layer.multipliers,
                "memory_bits": sum(layer.memory_bits.values()),
                "coding": layer.coding,
                "schedule_bits_per_tap": layer.schedule_bits_per_tap,
            }
            for layer in cost.layers
        },
    }
