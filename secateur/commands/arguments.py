"""Arguments that several commands share."""

import argparse
from collections.abc import Mapping
from typing import Any

from secateur import run_file
from secateur.files import Folder


def add_run_file(parser: argparse.ArgumentParser) -> None:
    """Add the run file and what takes the place of its values."""
    parser.add_argument("run_file", metavar="RUN.toml", help="the run file; docs/run-file.md")
    parser.add_argument("--seed", type=int, metavar="N", help="in place of the file's own")
    parser.add_argument("--data", metavar="FOLDER", help="data folder, in place of the file's own")
    parser.add_argument("--out", metavar="FOLDER", help="results; default: build/<name of the run>")
    add_force(parser)


def add_force(parser: argparse.ArgumentParser) -> None:
    """Add ``--force``."""
    parser.add_argument("--force", action="store_true", help="write over results that are there")


def read_run_file(
    arguments: argparse.Namespace, prune: Mapping[str, Any] | None = None
) -> tuple[run_file.RunFile, Folder]:
    """Read the run file; return it and the folder of its results.

    `prune` takes the place of values of its table ``[prune]``.
    """
    run = run_file.load(arguments.run_file, arguments.seed, arguments.data, prune)
    return run, Folder(arguments.out or f"build/{run.name}")
