"""Arguments that several benchmarks share, and what they mean."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from secateur.commands.arguments import numbers
from secateur.progress import Progress
from secateur.run_file import DATA_SETS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.add_argument(
        "--budget",
        action="append",
        type=int,
        metavar="N",
        help="multipliers; default: 36 and 144 for layers, 210 for networks, 64 for selectors",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="networks: trained weights of ResNet-8; default: random. masks: of --model. "
        "selectors, prices: of --model, or a checkpoint of secateur train",
    )
    group = parser.add_argument_group("masks, selectors and prices")
    group.add_argument("--model", metavar="NAME", help="of the zoo; default, of masks: the demo's")
    group.add_argument("--data", metavar="NAME", help="data set; default: digits")
    group.add_argument("--folder", metavar="FOLDER", help="where the data set is")
    group.add_argument("--masks", type=int, metavar="N", help="scored; default: 64, selectors 100")
    group.add_argument(
        "--images", type=int, metavar="N", help="pictures that score them; default: 1000"
    )
    for option in ("mean", "std"):
        group.add_argument(f"--{option}", metavar="X,Y,Z", help="as in secateur import")


def noting(progress: Progress) -> Callable[[str, int, int], None]:
    """Say how far a benchmark is."""

    def note(text: str, done: int, total: int) -> None:
        progress.note(f"{done}/{total}  {text}", done, total)

    return note


def budgets_of(budgets: Sequence[int]) -> tuple[int, ...]:
    """Check numbers of multipliers."""
    if min(budgets) < 1:
        raise ValueError(f"--budget must be at least 1, not {min(budgets)}")
    return tuple(dict.fromkeys(budgets))


def chosen(option: str, names: Sequence[str] | None, known: Sequence[str]) -> tuple[str, ...]:
    """Check names; all if there are none."""
    for name in names or ():
        if name not in known:
            raise ValueError(f"{option} must be one of {', '.join(known)}, not {name!r}")
    return tuple(dict.fromkeys(names or known))


def model_and_data(arguments: argparse.Namespace) -> tuple[Any, Any]:
    """Read the data set, and the model, of the zoo or as it was saved."""
    from pruning import zoo
    from pruning.checkpoint import load_model
    from pruning.data import load, pixels_of
    from pruning.models import model_of
    from pruning.weights import load_weights

    if arguments.weights is None:
        raise ValueError("--weights must be a file of trained weights")
    name = arguments.data or "digits"
    if name not in DATA_SETS:
        raise ValueError(f"--data must be one of {', '.join(DATA_SETS)}, not {name!r}")
    if arguments.model is None:
        for option in ("mean", "std"):
            if getattr(arguments, option):
                raise ValueError(f"--{option} must be given with --model, whose file has none")
        model = load_model(arguments.weights)
        return model, load(name, arguments.folder)
    data = load(name, arguments.folder)
    module, pixels = zoo.build(arguments.model, classes=data.classes), data.pixels
    load_weights(module, arguments.weights)
    if arguments.mean or arguments.std:
        given = {name: getattr(arguments, name) for name in ("mean", "std")}
        mean, std = (numbers(name, text) if text else () for name, text in given.items())
        pixels = pixels_of(pixels.shape, pixels.bits, 0, mean, std)
    return model_of(module.eval(), pixels), data
