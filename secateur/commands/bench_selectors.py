"""``secateur bench selectors``: its arguments, and what they ask for."""

import argparse
from itertools import product
from pathlib import Path
from typing import Any

from secateur.commands.bench_arguments import model_and_data
from secateur.progress import Progress
from secateur.run_file import GRANULARITIES, SELECTORS

NUMBERS = {  # what of the protocol is a number, and what it is
    "epochs": (int, "of retraining"),
    "rate": (float, "largest learning rate of retraining"),
    "batch": (int, "pictures in a step of retraining"),
    "train_images": (int, "first training pictures that are used"),
    "iterations": (int, "steps in which probabilistic prunes; default: as many as retraining has"),
    "threads": (int, "of PyTorch"),
}
_OWN = (*NUMBERS, "selector", "granularity", "ratio", "of", "seeds", "augment")
_SHARED = ("weights", "model", "data", "folder", "mean", "std", "masks", "images", "budget", "docs")
OPTIONS = (*_SHARED, *_OWN)
ROOM = "selectors_table"
_GRANULARITIES = ("feature-map", "kernel", "intra-kernel")
_RATIOS = (0.5, 0.6, 0.7)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that only this benchmark has."""
    group = parser.add_argument_group("selectors")
    for option, known in (("selector", SELECTORS), ("granularity", GRANULARITIES)):
        group.add_argument(
            f"--{option}",
            action="append",
            choices=known,
            metavar="NAME",
            help=f"only this one, of {', '.join(known)}; may be repeated",
        )
    group.add_argument(
        "--ratio", action="append", type=float, metavar="R", help="part that goes; may be repeated"
    )
    group.add_argument(
        "--of", choices=("weights", "macs"), help="of what; default: weights of convolutions"
    )
    group.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="runs of each; layers: of place and route; default: 3",
    )
    for name, (kind, what) in NUMBERS.items():
        group.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="N", help=what)
    group.add_argument(
        "--augment",
        action="store_true",
        default=None,
        help="shift and mirror the pictures of retraining",
    )


def measured(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Measure; return the head of the rows, and the rows; draw them beside their file."""
    from hw.whole_file import write_whole
    from pruning.threads import use_threads
    from secateur.bench.selectors import Bench, Case, Protocol, measure

    asked = {name: getattr(arguments, name) for name in (*NUMBERS, "of", "augment")}
    asked |= {name: getattr(arguments, name) for name in ("masks", "images")}
    if arguments.budget and len(arguments.budget) > 1:
        raise ValueError(f"--budget must be one number with selectors, not {arguments.budget}")
    asked["multipliers"] = arguments.budget[0] if arguments.budget else None
    protocol = Protocol(**{name: value for name, value in asked.items() if value is not None})
    seeds = 3 if arguments.seeds is None else arguments.seeds
    if seeds < 1:
        raise ValueError(f"--seeds must be at least 1, not {seeds}")
    cases = [
        Case(selector, granularity, ratio, seed)
        for granularity, ratio, selector, seed in product(
            dict.fromkeys(arguments.granularity or _GRANULARITIES),
            dict.fromkeys(arguments.ratio or _RATIOS),
            dict.fromkeys(arguments.selector or SELECTORS),
            range(1, seeds + 1),
        )
    ]
    with progress.step("data"):
        model, data = model_and_data(arguments)
    with progress.step("prune"), use_threads(protocol.threads):
        path = Path(arguments.out) / "selectors.jsonl"
        rows = measure(Bench(model, data, protocol), cases, path, progress.note)
    if picture := _picture(*rows):
        write_whole(path.with_suffix(".svg"), picture)
    return rows


def _picture(head: dict[str, Any], *rows: dict[str, Any]) -> str | None:
    """Draw accuracy after retraining against what it costs, if any pruning was possible."""
    from reports.drawing import standalone
    from reports.selector_plots import draw_selectors

    before = head["dense"]["accuracy"]["trained"]
    made = [
        {**row, "accuracy": row["accuracy"]["retrained"], "accuracy_before": before}
        for row in rows
        if not row["undefined"]
    ]
    return standalone(draw_selectors(made)) if made else None
