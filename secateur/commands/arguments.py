"""Arguments that several commands share."""

import argparse
import json
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


def key_and_value(option: str, text: str) -> tuple[str, Any]:
    """Read ``KEY=VALUE``: a number, true or false where it looks like one, else a string."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ValueError(f"--{option} must be KEY=VALUE, not {text!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def numbers(option: str, text: str) -> tuple[float, ...]:
    """Read numbers with commas between.

    Raises
    ------
    ValueError
        If it is something else; the option is named.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"--{option} must be numbers with commas between, not {text!r}") from error


def read_run_file(
    arguments: argparse.Namespace, prune: Mapping[str, Any] | None = None
) -> tuple[run_file.RunFile, Folder]:
    """Read the run file; return it and the folder of its results.

    `prune` takes the place of values of its table ``[prune]``.
    """
    run = run_file.load(arguments.run_file, arguments.seed, arguments.data, prune)
    return run, Folder(arguments.out or f"build/{run.name}")
