"""``secateur bench networks``: ResNet-8 as a whole, dense and pruned, against its prediction."""

import argparse
from pathlib import Path
from typing import Any

from secateur.commands.bench_arguments import budgets_of, chosen, noting
from secateur.errors import VerificationError
from secateur.progress import Progress

OPTIONS = ("variant", "budget", "weights", "pictures", "docs")
ROOM = "networks"


def measured(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Measure networks; return the rows."""
    from secateur.bench import networks
    from secateur.files import load_frames

    variants = chosen("--variant", arguments.variant, tuple(networks.VARIANTS))
    budgets = budgets_of(arguments.budget or networks.BUDGETS)
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
        rows = networks.measure(made, frames, folder / "simulation", noting(progress))
    if complaints := networks.complaints(rows):
        raise VerificationError("; ".join(complaints))
    return rows
