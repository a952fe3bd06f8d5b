"""Work that goes on after a kill: what it was begun with, and the state of a training."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from hw.whole_file import write_whole
from pruning.data import DataSet
from pruning.graph_records import describe
from pruning.models import Model

SCHEMA = "secateur.training/1"

Arguments = Mapping[str, Any]
"""What decides the result of some work, by name; anything that JSON can hold."""


def model_digest(model: Model) -> str:
    """Hash of a model's structure, pixels, weights and statistics: 16 hexadecimal digits."""
    record = {**describe(model.module.structure), "pixels": asdict(model.pixels)}
    found = hashlib.sha256(json.dumps(record, sort_keys=True).encode())
    for key, tensor in sorted(model.module.state_dict().items()):
        found.update(key.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


def data_digest(data: DataSet, *splits: str) -> str:
    """Hash of the pictures and labels of some splits: 16 hexadecimal digits."""
    found = hashlib.sha256()
    for name in splits:
        split = getattr(data, name)
        found.update(f"{name} {split.images.shape}".encode())
        found.update(split.images.tobytes() + split.labels.tobytes())
    return found.hexdigest()[:16]


def check_arguments(path: Path, saved: Arguments, now: Arguments) -> None:
    """Check that work goes on with what it was begun with.

    Raises
    ------
    ValueError
        If an argument differs; the first one is named.
    """
    now = json.loads(json.dumps(dict(now)))
    for name in {**now, **saved}:
        if now.get(name) != saved.get(name):
            raise ValueError(f"{path}: {name} must be {saved.get(name)!r}, not {now.get(name)!r}")


def write_state(
    path: str | os.PathLike, tensors: Mapping[str, torch.Tensor], epoch: int, arguments: Arguments
) -> None:
    """Write the state of a training after an epoch."""
    record = {"schema": SCHEMA, "epoch": epoch, "arguments": dict(arguments)}
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    write_whole(path, save(tensors, {"secateur": json.dumps(record, sort_keys=True)}))


def read_state(
    path: str | os.PathLike, arguments: Arguments
) -> tuple[int, dict[str, torch.Tensor]] | None:
    """Read the state of a training: the last epoch and the tensors; None if there is no file.

    Raises
    ------
    ValueError
        If it is no such file or damaged, or the training was begun with other arguments.
    """
    path = Path(path)
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            record = json.loads((file.metadata() or {})["secateur"])
            keys = file.keys()
            tensors = {key: file.get_tensor(key) for key in keys}
        if record["schema"] != SCHEMA:
            raise ValueError(f"schema must be {SCHEMA}, not {record['schema']!r}")
        epoch, saved = int(record["epoch"]), dict(record["arguments"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not the state of a training: {error}") from error
    check_arguments(path, saved, arguments)
    return epoch, tensors
