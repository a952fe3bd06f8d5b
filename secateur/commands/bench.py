"""``secateur bench``: single layers, dense and pruned, measured as others measure theirs."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secateur.errors import VerificationError
from secateur.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("what", choices=("layers",), help="what is measured")
    for option, what in (("--layer", "layer, of L1 to L6"), ("--variant", "way of pruning")):
        parser.add_argument(
            option, action="append", metavar="NAME", help=f"only this {what}; may be repeated"
        )
    parser.add_argument(
        "--budget", action="append", type=int, metavar="N", help="multipliers; default: 36 and 144"
    )
    parser.add_argument("--no-synth", action="store_true", help="synthesise nothing")
    parser.add_argument("--fmax", action="store_true", help="place and route too; takes long")
    parser.add_argument("--docs", metavar="FILE", help="put the table into this page")
    parser.add_argument("--out", metavar="FOLDER", default="build/bench", help="keeps all builds")


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Measure; return the rows."""
    from secateur.bench import page
    from secateur.bench.cases import BUDGETS, SHAPES, VARIANTS, Case

    layers = _chosen("--layer", arguments.layer, tuple(SHAPES))
    variants = _chosen("--variant", arguments.variant, tuple(VARIANTS))
    budgets = tuple(dict.fromkeys(arguments.budget or BUDGETS))
    if min(budgets) < 1:
        raise ValueError(f"--budget must be at least 1, not {min(budgets)}")
    if arguments.no_synth and arguments.fmax:
        raise ValueError("--fmax must not be given with --no-synth")
    if arguments.docs and not Path(arguments.docs).is_file():
        raise ValueError(f"--docs must be a page that is there, not {arguments.docs!r}")
    cases = [
        Case(layer, variant, budget)
        for layer in layers
        for variant in variants
        for budget in budgets
    ]
    folder = Path(arguments.out)
    rows = measure(cases, folder, progress, synth=not arguments.no_synth, place=arguments.fmax)
    if arguments.docs:
        page.write(Path(arguments.docs), rows)
    return {"rows": rows}


def describe(result: dict[str, Any]) -> str:
    """Say it to a person."""
    from secateur.bench import page

    return page.text(result["rows"])


def document(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn the result into what ``--json`` prints: a list of rows."""
    return result["rows"]


def measure(
    cases: Sequence[Any], folder: Path, progress: Progress, *, synth: bool, place: bool
) -> list[dict[str, Any]]:
    """Generate, simulate and, where asked to, synthesise cases; describe each by a row.

    Raises
    ------
    VerificationError
        If a result, or the number of cycles, is not what it must be.
    """
    from secateur.bench import layers, synthesis
    from secateur.bench.cases import network
    from secateur.bench.folds import best_folding

    def note(text: str, done: int, total: int) -> None:
        progress.note(f"{done}/{total}  {text}", done, total)

    with progress.step("generate"):
        made = layers.generate_all(cases, folder / "layers", note)
        dense = {
            case.dense: best_folding(network(case.layer, "dense"), case.budget) for case in cases
        }
    with progress.step("simulate"):
        simulated = layers.simulate_all(made, folder / "simulation", note)
    cache = folder / "synthesis"
    if synth:
        with progress.step("synthesise"):
            figures = layers.synthesise_all(made, cache, note, place=place)
    else:
        figures = {one.case: synthesis.known(one.folder / "top.v", cache) for one in made}
    rows = [
        layers.row(one, simulated[one.case], dense[one.case.dense], figures[one.case])
        for one in made
    ]
    if complaints := layers.complaints(rows):
        raise VerificationError("; ".join(complaints))
    return rows


def _chosen(option: str, names: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    for name in names or ():
        if name not in known:
            raise ValueError(f"{option} must be one of {', '.join(known)}, not {name!r}")
    return tuple(dict.fromkeys(names or known))
