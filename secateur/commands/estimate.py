"""``secateur estimate``: what a network would cost, and what a pruning of it would save."""

import argparse
from dataclasses import astuple
from pathlib import Path
from typing import Any

from secateur.progress import Progress
from secateur.table import table

MULTIPLIERS = 32
_USED = ("useful", "border")  # parts of an attribution that surviving weights take


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
    parser.add_argument(
        "--target", metavar="NAME", help="the part it is meant for, such as ecp5-25k or xc7a35t"
    )


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Estimate the network as it is, and pruned if asked to."""
    from hw.network import Network
    from hw.targets import target
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
    part = None if arguments.target is None else target(arguments.target)
    with progress.step("estimate"):
        network = Network.load(Path(arguments.network))
        designs = {"dense": _figures(network, fold(network, budget), part)}
        if pruning is not None:
            pruned = draw(network, pruning)
            designs["pruned"] = _figures(pruned, fold(pruned, budget), part)
    return {
        "schema": "secateur.estimate/1",
        "network": network.name,
        "budget": {name: budget},
        "prune": None if pruning is None else vars(pruning),
        "target": None if part is None else vars(part),
        **designs,
    }


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    from hw.targets import RESOURCES

    names = [name for name in ("dense", "pruned") if name in result]
    designs = [result[name] for name in names]
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
    rows.append(["utilisation", *used, *[""] * (len(designs) - 1)])
    areas, target = [design["area"] for design in designs], result["target"]
    for key, title in RESOURCES.items():
        of = f" of {target[key]:,}" if target else ""
        rows.append([title + of, *(f"{area[key]:,}" for area in areas), *_saved(key, *areas)])
    verdicts = [_verdict(name, design, target) for name, design in zip(names, designs, strict=True)]
    family = designs[0]["area"]["family"]
    told = [table(head, rows)]
    told.append("\n".join([f"area predicted for {family}", *filter(None, verdicts)]))
    titles = ["as it is", "pruned"] if len(designs) > 1 else [""]
    told += [_attribution(*pair) for pair in zip(titles, designs, strict=True)]
    return "\n\n".join(told)


def _verdict(name: str, design: dict[str, Any], target: dict[str, Any] | None) -> str:
    """Say whether a design fits the target, and what is missing."""
    from hw.targets import RESOURCES

    if target is None:
        return ""
    if design["fits"]:
        return f"{name}: fits {target['name']}"
    lacks = [f"{number:,} {RESOURCES[key]}" for key, number in design["lacks"].items()]
    return f"{name}: does not fit {target['name']}, which lacks {', '.join(lacks)}"


def _attribution(title: str, design: dict[str, Any]) -> str:
    """Where the cycles of every layer go; parts that no layer has are left out."""
    layers = {name: layer for name, layer in design["layers"].items() if layer["attribution"]}
    parts = [layer["attribution"] for layer in layers.values()]
    lost = [key for key in parts[0] if key not in _USED and any(part[key] for part in parts)]
    head = [f"layer, {title}" if title else "layer", "P x G x R x E", "used", *lost]
    head += ["first tap at", "coding", "bits a tap"]
    cycles = sum(design["intervals"]) / len(design["intervals"])
    rows = []
    for name, layer in layers.items():
        part = layer["attribution"]
        used = sum(part[key] for key in _USED)
        shares = [f"{value / cycles:.1%}" for value in (used, *(part[key] for key in lost))]
        fold = " x ".join(map(str, layer["fold"]))
        bits = layer["schedule_bits_per_tap"]
        coding = [layer["coding"], "-" if bits is None else f"{bits:.2f}"]
        rows.append([name, fold, *shares, f"{layer['first_frame']['fill']:,}", *coding])
    return table(head, rows)


def _saved(key: str, dense: dict[str, Any], pruned: dict[str, Any] | None = None) -> list[str]:
    if pruned is None:
        return []
    return [f"{1 - pruned[key] / dense[key]:.1%}" if dense[key] else ""]


def _figures(network: Any, folding: Any, target: Any) -> dict[str, Any]:
    from hw.area import predict_area
    from hw.cost import predict
    from hw.plan import plan

    plans, family = plan(network, folding), target.family if target else "ecp5"
    cost = predict(network, folding, plans)
    area = predict_area(network, folding, family, plans)
    lacks = target.lacks(area) if target else {}
    return {
        "area": {"family": family, **vars(area)},
        **({"fits": not lacks, "lacks": lacks} if target else {}),
        "interval": cost.interval,
        "intervals": list(cost.intervals),
        "latency": cost.latency,
        "multipliers": cost.multipliers,
        "macs": network.macs,
        "parameters": network.parameters,
        "memory_bits": cost.memory_bits,
        "utilisation": cost.utilisation,
        "layers": {
            layer.name: {
                "fold": list(astuple(layer.fold)),
                "cycles": layer.cycles,
                "multipliers": layer.multipliers,
                "memory_bits": sum(layer.memory_bits.values()),
                "coding": layer.coding,
                "schedule_bits_per_tap": layer.schedule_bits_per_tap,
                **_parts(layer),
            }
            for layer in cost.layers
        },
    }


def _parts(layer: Any) -> dict[str, Any]:
    """Cycles of a layer by what they are spent on; None for an add, which walks no taps."""
    if layer.attribution is None:
        return {"attribution": None, "first_frame": None}
    parts = {name: float(cycles) for name, cycles in layer.attribution.parts.items()}
    return {"attribution": parts, "first_frame": vars(layer.first_frame)}
