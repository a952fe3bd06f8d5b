"""``secateur bench masks``: how fast masks are scored, and that every count is right."""

import argparse
from typing import Any

from secateur.commands.bench_arguments import noting
from secateur.errors import VerificationError
from secateur.progress import Progress

OPTIONS = ("weights", "model", "data", "folder", "masks", "images")
ROOM = "masks"
EPOCHS = 3  # of the model, where it comes without weights


def measured(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Measure the scoring of masks; return the rows."""
    from pruning import zoo
    from pruning.data import load
    from pruning.models import model_of
    from pruning.train import train
    from pruning.weights import load_weights
    from secateur.bench import masks

    count, images = (
        default if number is None else number
        for number, default in ((arguments.masks, 64), (arguments.images, 1000))
    )
    for option, number in (("masks", count), ("images", images)):
        if number < 1:
            raise ValueError(f"--{option} must be at least 1, not {number}")
    if arguments.weights and not arguments.model:
        raise ValueError("--weights must be given with --model")
    data = load(arguments.data or "digits", arguments.folder)
    module = zoo.build(arguments.model or "chain")
    if arguments.weights:
        load_weights(module, arguments.weights)
    model = model_of(module.eval(), data.pixels)
    if not arguments.weights:
        with progress.step("train"):
            model = train(model, data, epochs=EPOCHS, progress=progress.update)
        module.load_state_dict(model.module.state_dict(), strict=False)
    with progress.step("score"):
        rows = masks.measure(model, module, data, count, images, noting(progress))
    if complaints := masks.complaints(rows):
        raise VerificationError("; ".join(complaints))
    return rows
