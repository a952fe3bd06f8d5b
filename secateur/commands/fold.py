"""``secateur fold``: folds of a network for a part, or for plain numbers, and what they take."""

import argparse
from dataclasses import astuple
from pathlib import Path
from typing import Any

from secateur.commands.arguments import add_force
from secateur.commands.budget import (
    add_part,
    add_rate,
    bounds_of,
    cycles_of,
    fold_to_resources,
    pruner,
    resources_of,
    write_folding,
)
from secateur.files import refuse_existing
from secateur.progress import Progress
from secateur.table import table

# Memories by the column that tells them; what is left are queues and small tables.
_MEMORIES = {"row_buffer": "rows", "weights": "weights", "schedule": "index"}
_QUEUE = ("output_queue",)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("network", metavar="NETWORK", help="a network file")
    parser.add_argument("--target", metavar="NAME", help="fit a part, such as ecp5-25k or xc7a35t")
    for name, what in (
        ("--luts", "LUTs"),
        ("--multipliers", "multipliers"),
        ("--block-rams", "block RAMs"),
        ("--dsp", "DSP cells"),
    ):
        parser.add_argument(name, type=int, metavar="N", help=f"take at most N {what}")
    add_rate(parser)
    add_part(parser)
    parser.add_argument("--out", metavar="FOLDING.json", help="write the folds; for generate")
    add_force(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Fold, and say what it takes."""
    from hw.network import Network

    resources, cycles = resources_of(arguments), cycles_of(arguments)
    if arguments.out is not None:
        refuse_existing([Path(arguments.out)], arguments.force)
    bounds = bounds_of(arguments)
    with progress.step("fold"):
        network = Network.load(Path(arguments.network))
        folding = fold_to_resources(network, resources, cycles)
        found = _figures(network, folding, bounds)
        if found["lacks"]:
            found["remedy"] = _remedy(network, bounds, cycles)
        if arguments.out is not None:
            write_folding(Path(arguments.out), folding)
    return {
        "schema": "secateur.fold/1",
        "network": network.name,
        "target": bounds.name,
        "family": bounds.family,
        "limits": bounds.limits,
        "cycles": cycles,
        "mhz": arguments.mhz,
        "fps": arguments.mhz * 1e6 / found["interval"],
        **found,
        "out": arguments.out,
    }


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    from hw.resources import KINDS

    layers, interval = result["layers"], result["interval"]
    head = ["layer", "P x G x R x E", "multipliers", "cycles", "of interval"]
    head += [*_MEMORIES.values(), "queue", "other bits", *list(KINDS.values())[:-1]]
    rows = [
        [
            name,
            " x ".join(map(str, layer["fold"])),
            *(f"{layer[key]:,}" for key in ("multipliers", "cycles")),
            f"{layer['cycles'] / interval:.1%}",
            *(f"{bits:,}" for bits in _bits(layer["memory_bits"])),
            *(f"{layer['area'][key]:,g}" for key in list(KINDS)[:-1]),
        ]
        for name, layer in layers.items()
    ]
    for name, area in result["ends"].items():
        area = [f"{area[key]:,g}" for key in list(KINDS)[:-1]]
        rows.append([name, *[""] * (len(head) - len(area) - 1), *area])
    totals = []
    for key, title in KINDS.items():
        taken, most = result["total"][key], result["limits"].get(key)
        share = ["", ""] if most is None else [f"{most:,}", _share(taken, most)]
        totals.append([title, f"{taken:,}", *share])
    lines = [
        table(head, rows),
        table([result["network"], "taken", f"of {result['target']}", ""], totals),
    ]
    rate = f"{result['fps']:,.1f} frames a second at {result['mhz']:g} MHz"
    lines.append(f"{interval:,} cycles a frame, {rate}; area predicted for {result['family']}")
    if result["lacks"]:
        lacks = [f"{number:,} {KINDS[key]}" for key, number in result["lacks"].items()]
        lines.append(f"{result['target']} lacks {', '.join(lacks)}; {result['remedy']}")
    if result["out"]:
        lines.append(f"folds written to {result['out']}")
    return "\n\n".join(lines)


def _share(taken: float, most: int) -> str:
    return f"{taken / most:.1%}" if most else "-"


def _bits(memories: dict[str, int]) -> list[int]:
    """Bits of memories by column."""
    found = [memories.get(name, 0) for name in (*_MEMORIES, *_QUEUE)]
    return [*found, sum(memories.values()) - sum(found)]


def _remedy(network: Any, bounds: Any, cycles: int | None) -> str:
    from hw.fit import remedy

    return remedy(network, bounds, cycles, pruner(network))


def _figures(network: Any, folding: Any, bounds: Any) -> dict[str, Any]:
    from hw.area import OUTPUT, predict_area, predict_parts
    from hw.cost import predict
    from hw.plan import plan
    from hw.resources import used

    plans = plan(network, folding)
    cost = predict(network, folding, plans)
    area = predict_area(network, folding, bounds.family, plans)
    parts = predict_parts(network, folding, bounds.family, plans)
    lacks = bounds.lacks(area, cost.multipliers)
    return {
        "interval": cost.interval,
        "intervals": list(cost.intervals),
        "latency": cost.latency,
        "fits": not lacks,
        "lacks": lacks,
        "total": used(area, cost.multipliers),
        "memory_bits": cost.memory_bits,
        "layers": {
            layer.name: {
                "fold": list(astuple(layer.fold)),
                "multipliers": layer.multipliers,
                "cycles": layer.cycles,
                "memory_bits": layer.memory_bits,
                "area": vars(parts[layer.name]),
            }
            for layer in cost.layers
        },
        "ends": {name: vars(parts[name]) for name in (network.input.name, OUTPUT)},
    }
