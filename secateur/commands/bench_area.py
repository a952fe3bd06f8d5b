"""``secateur bench area``: what each choice of the ECP5's cells gives, each alone."""

import argparse
from pathlib import Path
from typing import Any

from secateur.commands import bench_one_layer
from secateur.commands.bench_arguments import noting
from secateur.commands.bench_layers import seeds_of
from secateur.progress import Progress

OPTIONS = (*bench_one_layer.OPTIONS, "fmax", "seeds")
ROOM = "area"


def measured(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Measure one layer in every form; return the rows."""
    from secateur.bench import area
    from secateur.bench.cases import SCALES

    scales = bench_one_layer.once(arguments, "scales", "shift", tuple(SCALES))
    networks, folding = bench_one_layer.one_layer(arguments, [scales])
    seeds = range(1, seeds_of(arguments) + 1)
    with progress.step("synthesise"):
        return area.measure(networks[scales], folding, Path(arguments.out), noting(progress), seeds)
