"""Checkpoints: a model in one safetensors file, its structure as JSON in the metadata."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from hw.whole_file import write_whole
from pruning.data import Pixels
from pruning.graph_checks import check
from pruning.graph_module import GraphModule
from pruning.graph_records import check_shapes, describe, rebuild
from pruning.models import Model

SCHEMA = "secateur.model/2"
MAX_FILE_BYTES = 1 << 30


def save_model(model: Model, path: str | os.PathLike) -> None:
    """Write a model; the file is complete or not there.

    Raises
    ------
    ValueError
        If a tensor is not finite.
    """
    path = Path(path)
    tensors = {key: t.detach().cpu().contiguous() for key, t in model.module.state_dict().items()}
    try:
        _check_finite(tensors)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    record = {
        "schema": SCHEMA,
        **describe(model.module.structure),
        "pixels": dataclasses.asdict(model.pixels),
        "facts": model.facts,
    }
    write_whole(path, save(tensors, {"secateur": json.dumps(record, sort_keys=True)}))


def load_model(path: str | os.PathLike) -> Model:
    """Read a model, in evaluation mode.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a model file, is damaged, holds numbers that are not finite, or describes an
        impossible model. The file is named, and the tensor or layer where there is one.
    """
    path = Path(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: a model file must have at most {MAX_FILE_BYTES} bytes")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            keys = file.keys()
            tensors = {key: file.get_tensor(key) for key in keys}
        record = json.loads(metadata["secateur"])
        if record["schema"] != SCHEMA:
            raise ValueError(f"schema must be {SCHEMA}, not {record['schema']!r}")
        return _model(record, tensors)
    except KeyError as error:
        raise ValueError(f"{path}: not a model file: {error} is missing") from error
    except (SafetensorError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: not a model file: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _model(record: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Model:
    _check_finite(tensors)
    found = rebuild(record, tensors)
    check(found)
    pixels = Pixels.of(record["pixels"])
    if found.nodes[0].shape != pixels.shape:
        raise ValueError(f"pictures must be {pixels.shape}, not {found.nodes[0].shape}")
    module = GraphModule(found)
    check_shapes(module)
    return Model(module, pixels, dict(record["facts"]))


def _check_finite(tensors: dict[str, torch.Tensor]) -> None:
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"tensor {key!r} must be finite, but holds NaN or infinity")
