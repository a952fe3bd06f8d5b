"""``secateur bench``: layers, area, families, networks, masks, selectors, prices, measured."""

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from secateur.commands import (
    bench_area,
    bench_arguments,
    bench_families,
    bench_layers,
    bench_masks,
    bench_networks,
    bench_one_layer,
    bench_prices,
    bench_selectors,
)
from secateur.progress import Progress

_KINDS = {
    "layers": bench_layers,
    "area": bench_area,
    "families": bench_families,
    "networks": bench_networks,
    "masks": bench_masks,
    "selectors": bench_selectors,
    "prices": bench_prices,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("what", choices=tuple(_KINDS), help="what is measured")
    parser.add_argument("--docs", metavar="FILE", help="put the table between its marks in a page")
    parser.add_argument("--out", metavar="FOLDER", default="build/bench", help="keeps all builds")
    bench_arguments.add_arguments(parser)
    group = parser.add_argument_group("layers, area, families and networks")
    for option, what in (("--layer", "layer, of L1 to L6"), ("--variant", "way of pruning")):
        group.add_argument(
            option, action="append", metavar="NAME", help=f"only this {what}; may be repeated"
        )
    group.add_argument(
        "--pictures", metavar="FILE", help="networks: a frames.safetensors; default: random pixels"
    )
    bench_layers.add_arguments(parser)
    bench_one_layer.add_arguments(parser)
    bench_selectors.add_arguments(parser)
    bench_prices.add_arguments(parser)


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Measure; return the rows."""
    from secateur.bench import page

    if arguments.docs and not Path(arguments.docs).is_file():
        raise ValueError(f"--docs must be a page that is there, not {arguments.docs!r}")
    kind = _KINDS[arguments.what]
    every = dict.fromkeys(option for each in _KINDS.values() for option in each.OPTIONS)
    for key in every:
        value = getattr(arguments, key)
        given = value is not None and value is not False  # 0 is given too
        if given and key not in kind.OPTIONS:
            option = key.replace("_", "-")
            raise ValueError(f"--{option} must not be given with {arguments.what}")
    rows = kind.measured(arguments, progress)
    if arguments.docs:
        name = f"{arguments.what} {arguments.data or ''}".rstrip()  # a page may have several tables
        page.write(Path(arguments.docs), name, _room(arguments.what).markdown(rows))
    return {"what": arguments.what, "rows": rows}


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    return _room(result["what"]).text(result["rows"])


def document(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn the result into what ``--json`` prints: a list of rows."""
    return result["rows"]


def _room(what: str) -> Any:
    """Return the module that writes the rows."""
    return import_module(f"secateur.bench.{_KINDS[what].ROOM}")
