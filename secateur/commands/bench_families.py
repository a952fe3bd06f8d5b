"""``secateur bench families``: what one layer takes on each family of parts."""

import argparse
from pathlib import Path
from typing import Any

from secateur.commands import bench_one_layer
from secateur.commands.bench_arguments import chosen, noting
from secateur.progress import Progress

OPTIONS = bench_one_layer.OPTIONS
ROOM = "families"


def measured(arguments: argparse.Namespace, progress: Progress) -> list[dict[str, Any]]:
    """Measure one layer on every family, in every form; return the rows."""
    from secateur.bench import families
    from secateur.bench.cases import SCALES

    scales = chosen("--scales", arguments.scales, tuple(SCALES))
    networks, folding = bench_one_layer.one_layer(arguments, scales)
    with progress.step("synthesise"):
        return families.measure(networks, folding, Path(arguments.out), noting(progress))
