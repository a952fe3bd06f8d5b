"""The run file: one TOML file that says what `secateur run` does."""

import dataclasses
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from secateur.toml_reader import TomlReader

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
DATA_SETS = ("digits", "mnist", "cifar10")
SELECTORS = (
    "random-masks",
    "particle-filter",
    "linear-ensembles",
    "probabilistic",
    "uniform-random",
    "l1",
    "fpgm",
    "taylor",
    "bn-scale",
)
GRANULARITIES = (
    "feature-map",
    "kernel",
    "kernel-group",
    "intra-kernel",
    "intra-kernel-free",
    "column",
    "weight",
)
STALLS = ("none", "random", "bursty", "slow", "long")


def _between(default: Any, low: float, high: float) -> Any:
    return field(default=default, metadata={"low": low, "high": high})


def _one_of(default: Any, choices: tuple[str, ...]) -> Any:
    return field(default=default, metadata={"choices": choices})


@dataclass(frozen=True)
class Data:
    """``[data]``: the pictures.

    `folder` holds the publisher's files of MNIST or CIFAR-10; it is relative to the run file.
    """

    name: str = _one_of("digits", DATA_SETS)
    folder: str = ""


@dataclass(frozen=True)
class Model:
    """``[model]``: one of the zoo, or ``package.module:factory``, whose arguments are `options`.

    A ``chain`` is made of 3x3 convolutions and one linear layer; `widths` are their output maps,
    and 2x2 max pooling follows those whose number, counted from 1, is in `pools`. `weights` is a
    file, relative to the run file, to begin with. An element ``e`` of a picture means
    ``(e * scale - mean) / std``, one mean and one std or one for each channel; 0 and empty lists
    are the data set's own.
    """

    name: str = "chain"
    weights: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    widths: tuple[int, ...] = _between((16, 32, 32), 1, 512)
    pools: tuple[int, ...] = _between((2,), 1, 32)
    scale: float = _between(0.0, 0, 1e9)
    mean: tuple[float, ...] = field(default=(), metadata={"entry": 0.0})
    std: tuple[float, ...] = field(default=(), metadata={"entry": 1.0, "low": 1e-9, "high": 1e9})


@dataclass(frozen=True)
class Train:
    """``[train]``: training of the dense network; no epochs leave the weights as they are.

    `augment` shifts and mirrors pictures at random. That, `batch` and `threads` hold for retraining
    too; the weights depend on all of them.
    """

    epochs: int = _between(30, 0, 10000)
    rate: float = _between(0.05, 1e-9, 10)
    batch: int = _between(64, 1, 65536)
    augment: bool = False
    threads: int = _between(1, 1, 256)


@dataclass(frozen=True)
class Prune:
    """``[prune]``: what is cut, by whom, and the retraining.

    `budget` says what may stay (`pruning.budget.Budget`), `allocation` how it is shared among the
    layers; `steps` above one prune bit by bit, with retraining after each. `settings` are those of
    the selector. `multiple`, `balanced`, `group`, `layers` and `protect` are the constraints of
    `pruning.constraints.Constraints`; `distil` is the part of the dense model's word in retraining.
    """

    selector: str = _one_of("random-masks", SELECTORS)
    granularity: str = _one_of("feature-map", GRANULARITIES)
    budget: str = "macs=0.5"
    allocation: str = _one_of("uniform", ("uniform", "sensitivity"))
    steps: int = _between(1, 1, 100)
    settings: Mapping[str, Any] = field(default_factory=dict)
    multiple: int = _between(1, 1, 512)
    balanced: bool = False
    group: int = _between(4, 1, 512)
    layers: tuple[str, ...] = field(default=(), metadata={"entry": ""})
    protect: tuple[str, ...] = field(default=(), metadata={"entry": ""})
    epochs: int = _between(30, 1, 10000)
    rate: float = _between(0.02, 1e-9, 10)
    distil: float = _between(0.0, 0, 1)


@dataclass(frozen=True)
class Quantise:
    """``[quantise]``: bits of weights and activations, and how their ranges are chosen.

    With `power_of_two`, results are requantised by shifts alone.
    """

    weight_bits: int = _between(8, 2, 8)
    activation_bits: int = _between(8, 2, 8)
    ranges: str = _one_of("minmax", ("minmax", "percentile", "mse"))
    power_of_two: bool = False


@dataclass(frozen=True)
class Hardware:
    """``[hardware]``: what the pruned accelerator may cost."""

    multipliers: int = _between(16, 1, 65536)


@dataclass(frozen=True)
class Simulate:
    """``[simulate]``: how many test pictures, and how either side stalls (``source/sink``)."""

    frames: int = _between(100, 50, 1000000)
    stalls: tuple[str, ...] = _one_of(
        ("random/slow",), tuple(f"{source}/{sink}" for source in STALLS for sink in STALLS)
    )


@dataclass(frozen=True)
class RunFile:
    """A run: a name, a seed and one table a step.

    `load` reads it; `values` is all of it as plain data, and `hash` is the SHA-256 of that.
    """

    name: str
    seed: int = _between(0, 0, 2**31 - 1)
    data: Data = Data()
    model: Model = Model()
    train: Train = Train()
    prune: Prune = Prune()
    quantise: Quantise = Quantise()
    hardware: Hardware = Hardware()
    simulate: Simulate = Simulate()

    @property
    def values(self) -> dict[str, Any]:
        """Everything as plain data."""
        return dataclasses.asdict(self)

    @property
    def public_values(self) -> dict[str, Any]:
        """Everything but names of folders, as plain data."""
        values = self.values
        values["data"].pop("folder")
        values["model"]["weights"] = Path(self.model.weights).name
        return values

    @property
    def hash(self) -> str:
        """SHA-256 of everything but names of folders, in hexadecimal."""
        return hashlib.sha256(json.dumps(self.public_values, sort_keys=True).encode()).hexdigest()


def load(
    path: str | Path,
    seed: int | None = None,
    folder: str | None = None,
    prune: Mapping[str, Any] | None = None,
) -> RunFile:
    """Read a run file.

    Parameters
    ----------
    path : path
        A TOML file.
    seed, folder : optional
        Take the place of the file's own; this folder is relative to where the command runs.
    prune : dict, optional
        Values that take the place of those of the table ``[prune]``.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not TOML, or a key is unknown, of a wrong type or out of bounds; the message names
        the file, the line and the key.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a TOML file: {error or 'nested too deeply'}") from error
    if seed is not None:
        document["seed"] = seed
    if prune:
        document["prune"] = document.get("prune", {}) | prune
    run = TomlReader(path, text).table(RunFile, document)
    if not NAME.fullmatch(run.name):
        raise ValueError(f"{path}: name must match {NAME.pattern}, not {run.name!r}")
    if not run.train.epochs and not run.model.weights:
        raise ValueError(f"{path}: train.epochs must be positive, or model.weights a file")
    weights = run.model.weights and os.path.normpath(path.parent / run.model.weights)
    if folder is None:
        folder = run.data.folder and os.path.normpath(path.parent / run.data.folder)
    data = dataclasses.replace(run.data, folder=folder)
    return dataclasses.replace(
        run, data=data, model=dataclasses.replace(run.model, weights=weights)
    )
