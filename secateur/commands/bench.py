"""``secateur bench``: layers, networks and selectors, measured as others measure theirs."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from secateur.commands import bench_selectors
from secateur.errors import VerificationError
from secateur.progress import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("what", choices=tuple(_OTHERS), help="what is measured")
    for option, what in (("--layer", "layer, of L1 to L6"), ("--variant", "way of pruning")):
        parser.add_argument(
            option, action="append", metavar="NAME", help=f"only this {what}; may be repeated"
        )
    parser.add_argument(
        "--budget",
        action="append",
        type=int,
        metavar="N",
        help="multipliers; default: 36 and 144 for layers, 210 for networks, 64 for selectors",
    )
    parser.add_argument("--no-synth", action="store_true", help="layers: synthesise nothing")
    parser.add_argument("--fmax", action="store_true", help="layers: place and route; takes long")
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="networks: trained weights of ResNet-8; default: random. selectors: of --model, or a "
        "checkpoint of secateur train",
    )
    parser.add_argument("--model", metavar="NAME", help="selectors: a model of the zoo")
    parser.add_argument("--data", metavar="NAME", help="selectors: data set; default: digits")
    parser.add_argument("--folder", metavar="FOLDER", help="selectors: where the data set is")
    for option, what in (
        ("--masks", "how many a selector may score; default: 100"),
        ("--images", "validation pictures by which masks are scored; default: 1000"),
    ):
        parser.add_argument(option, type=int, metavar="N", help=f"selectors: {what}")
    parser.add_argument(
        "--pictures", metavar="FILE", help="networks: a frames.safetensors; default: random pixels"
    )
    parser.add_argument("--docs", metavar="FILE", help="put the table between its marks in a page")
    parser.add_argument("--out", metavar="FOLDER", default="build/bench", help="keeps all builds")
    bench_selectors.add_arguments(parser)


_SELECTORS = ("model", "data", "folder", "masks", "images", *bench_selectors.OPTIONS)
_OTHERS = {  # options that belong to another benchmark
    "layers": ("weights", "pictures", *_SELECTORS),
    "networks": ("layer", "no_synth", "fmax", *_SELECTORS),
    "selectors": ("layer", "variant", "no_synth", "fmax", "pictures"),
}


def execute(arguments: argparse.Namespace, progress: Progress) -> dict[str, Any]:
    """Measure; return the rows."""
    from secateur.bench import page

    if arguments.docs and not Path(arguments.docs).is_file():
        raise ValueError(f"--docs must be a page that is there, not {arguments.docs!r}")
    for key in _OTHERS[arguments.what]:
        if getattr(arguments, key) is not None and getattr(arguments, key) is not False:
            option = key.replace("_", "-")
            raise ValueError(f"--{option} must not be given with {arguments.what}")
    measured = {"layers": _layers, "networks": _networks, "selectors": bench_selectors.measured}
    rows = measured[arguments.what](arguments, progress)
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
    from importlib import import_module

    room = {"layers": "page", "networks": "networks", "selectors": "selectors_table"}[what]
    return import_module(f"secateur.bench.{room}")


def _layers(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    from secateur.bench.cases import BUDGETS, SHAPES, VARIANTS, Case

    layers = _chosen("--layer", arguments.layer, tuple(SHAPES))
    variants = _chosen("--variant", arguments.variant, tuple(VARIANTS))
    budgets = _budgets(arguments.budget or BUDGETS)
    if arguments.no_synth and arguments.fmax:
        raise ValueError("--fmax must not be given with --no-synth")
    cases = [
        Case(layer, variant, budget)
        for layer in layers
        for variant in variants
        for budget in budgets
    ]
    folder = Path(arguments.out)
    return measure(cases, folder, progress, synth=not arguments.no_synth, place=arguments.fmax)


def _networks(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    from secateur.bench import networks
    from secateur.files import load_frames

    variants = _chosen("--variant", arguments.variant, tuple(networks.VARIANTS))
    budgets = _budgets(arguments.budget or networks.BUDGETS)
    pictures = load_frames(Path(arguments.pictures))[0] if arguments.pictures else None
    weights = Path(arguments.weights) if arguments.weights else None
    made, folder = [], Path(arguments.out)
    with progress.step("generate"):
        for variant, network in networks.networks(weights, pictures, variants).items():
            for budget in budgets:
                made.append(networks.generate(network, variant, budget, folder / "networks"))
                progress.note(made[-1].folder.name)
    frames = networks.drawn(networks.FRAMES) if pictures is None else pictures[: networks.FRAMES]
    with progress.step("simulate"):
        rows = networks.measure(made, frames, folder / "simulation", _noting(progress))
    if complaints := networks.complaints(rows):
        raise VerificationError("; ".join(complaints))
    return rows


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

    note = _noting(progress)
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


def _noting(progress: Progress) -> Callable[[str, int, int], None]:
    def note(text: str, done: int, total: int) -> None:
        progress.note(f"{done}/{total}  {text}", done, total)

    return note


def _budgets(budgets: Sequence[int]) -> tuple[int, ...]:
    if min(budgets) < 1:
        raise ValueError(f"--budget must be at least 1, not {min(budgets)}")
    return tuple(dict.fromkeys(budgets))


def _chosen(option: str, names: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    for name in names or ():
        if name not in known:
            raise ValueError(f"{option} must be one of {', '.join(known)}, not {name!r}")
    return tuple(dict.fromkeys(names or known))
