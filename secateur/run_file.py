"""The run file: one TOML file that says what `secateur run` does."""

import dataclasses
import difflib
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
DATA_SETS = ("digits", "mnist", "cifar10")
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
    """``[model]``: a chain of 3x3 convolutions, then one linear layer.

    `widths` are the output maps of the convolutions; 2x2 max pooling follows those whose number,
    counted from 1, is in `pools`.
    """

    widths: tuple[int, ...] = _between((16, 32, 32), 1, 512)
    pools: tuple[int, ...] = _between((2,), 1, 32)


@dataclass(frozen=True)
class Train:
    """``[train]``: training of the dense network.

    `threads` holds for retraining too; the weights depend on it.
    """

    epochs: int = _between(30, 1, 10000)
    rate: float = _between(0.05, 1e-9, 10)
    batch: int = _between(64, 1, 65536)
    threads: int = _between(1, 1, 256)


@dataclass(frozen=True)
class Prune:
    """``[prune]``: what is cut, and the retraining.

    `macs` is the part of the multiply-adds that may stay; `candidates` masks are drawn and the best
    one is kept.
    """

    macs: float = _between(0.5, 0.01, 1)
    candidates: int = _between(100, 1, 100000)
    epochs: int = _between(30, 1, 10000)
    rate: float = _between(0.02, 1e-9, 10)


@dataclass(frozen=True)
class Quantise:
    """``[quantise]``: widths of weights and activations in bits."""

    weight_bits: int = _between(8, 2, 8)
    activation_bits: int = _between(8, 2, 8)


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
    def hash(self) -> str:
        """SHA-256 of everything but the data's folder, in hexadecimal."""
        values = self.values
        values["data"].pop("folder")
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def load(path: str | Path, seed: int | None = None, folder: str | None = None) -> RunFile:
    """Read a run file.

    Parameters
    ----------
    path : path
        A TOML file.
    seed, folder : optional
        Take the place of the file's own; this folder is relative to where the command runs.

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
    run = _Reader(path, text).table(RunFile, document, ())
    if not NAME.fullmatch(run.name):
        raise ValueError(f"{path}: name must match {NAME.pattern}, not {run.name!r}")
    if folder is None:
        folder = run.data.folder and os.path.normpath(path.parent / run.data.folder)
    return dataclasses.replace(run, data=dataclasses.replace(run.data, folder=folder))


@dataclass(frozen=True)
class _Reader:
    """Turns the tables of one file into dataclasses; knows where every key stands."""

    path: Path
    text: str

    def table(self, kind: type, values: Mapping[str, Any], where: tuple[str, ...]) -> Any:
        fields = {item.name: item for item in dataclasses.fields(kind)}
        for key in values:
            if key not in fields:
                raise self._error((*where, key), f"is unknown{_suggest(key, fields)}")
        for name, item in fields.items():
            if item.default is dataclasses.MISSING and name not in values:
                raise ValueError(f"{self.path}: {'.'.join((*where, name))} is missing")
        return kind(
            **{key: self._value(fields[key], value, (*where, key)) for key, value in values.items()}
        )

    def _value(self, item: dataclasses.Field, value: Any, where: tuple[str, ...]) -> Any:
        default = "" if item.default is dataclasses.MISSING else item.default
        if dataclasses.is_dataclass(default):
            if not isinstance(value, dict):
                raise self._error(where, f"must be a table, not {value!r}")
            return self.table(type(default), value, where)
        if isinstance(default, tuple):
            if not isinstance(value, list):
                raise self._error(where, f"must be a list, not {value!r}")
            return tuple(self._scalar(item, default[0], entry, where) for entry in value)
        return self._scalar(item, default, value, where)

    def _scalar(
        self, item: dataclasses.Field, default: Any, value: Any, where: tuple[str, ...]
    ) -> Any:
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        if type(value) is not type(default):
            kind = {int: "an integer", float: "a number", str: "a string"}[type(default)]
            raise self._error(where, f"must be {kind}, not {value!r}")
        low, high = item.metadata.get("low"), item.metadata.get("high")
        if low is not None and not low <= value <= high:
            raise self._error(where, f"must be {low} to {high}, not {value!r}")
        choices = item.metadata.get("choices")
        if choices and value not in choices:
            hint = _suggest(value, choices) if len(choices) > 5 else ""
            known = f"one of {', '.join(choices)}" if not hint and len(choices) <= 5 else "known"
            raise self._error(where, f"must be {known}, not {value!r}{hint}")
        return value

    def _error(self, where: tuple[str, ...], sentence: str) -> ValueError:
        line = self._line(where)
        place = f"{self.path}:{line}" if line else f"{self.path}"
        return ValueError(f"{place}: {'.'.join(where)} {sentence}")

    def _line(self, where: tuple[str, ...]) -> int | None:
        """Find a key by its table's header and its own name; None if it is written otherwise."""
        table = ""
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[+\s*([^\]]*?)\s*\]", line):
                table = header[1]
                if table == ".".join(where):
                    return number
                continue
            key = re.match(r"\s*[\"']?([\w.-]+)[\"']?\s*=", line)
            if key and ".".join(filter(None, (table, key[1]))) == ".".join(where):
                return number
        return None


def _suggest(word: str, known: Any) -> str:
    """``; did you mean 'x'?``, or nothing when nothing is near."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
