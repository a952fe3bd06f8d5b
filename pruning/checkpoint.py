"""Checkpoints: a model in one safetensors file, its structure as JSON in the metadata."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from pruning.chain import build, structure, walk
from pruning.data import Pixels
from pruning.models import Model
from pruning.units import feature_maps

SCHEMA = "secateur.model/1"
MAX_FILE_BYTES = 1 << 30


def save_model(model: Model, path: str | os.PathLike) -> None:
    """Write a model; the file is complete or not there.

    Raises
    ------
    ValueError
        If a tensor is not finite.
    """
    path = Path(path)
    tensors = {key: t.detach().contiguous() for key, t in model.module.state_dict().items()}
    try:
        _check_finite(tensors)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    record = {
        "schema": SCHEMA,
        "layers": structure(model.module),
        "pixels": dataclasses.asdict(model.pixels),
        "channels": model.channels,
        "facts": model.facts,
    }
    data = save(tensors, {"secateur": json.dumps(record, sort_keys=True)})
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(data)
    temporary.replace(path)


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
    pixels = Pixels.of(record["pixels"])
    with torch.device("meta"):
        module = build(record["layers"])
    _check_tensors(module, tensors)
    module.load_state_dict(tensors, assign=True)
    for _ in walk(module, pixels.shape):  # every layer fits the one before it
        pass
    channels = {name: tuple(indices) for name, indices in record["channels"].items()}
    _check_channels(module, channels)
    return Model(module.eval(), pixels, channels, dict(record["facts"]))


def _check_tensors(module: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Check names, shapes, types and numbers against the structure."""
    expected = module.state_dict()
    for key in sorted(expected.keys() ^ tensors.keys()):
        raise ValueError(f"tensor {key!r} {'is missing' if key in expected else 'has no layer'}")
    for key, tensor in tensors.items():
        shape, kind = tuple(expected[key].shape), expected[key].dtype
        if tuple(tensor.shape) != shape or tensor.dtype != kind:
            raise ValueError(
                f"tensor {key!r} must be {kind} {shape}, not {tensor.dtype} {tuple(tensor.shape)}"
            )
    _check_finite(tensors)


def _check_finite(tensors: dict[str, torch.Tensor]) -> None:
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"tensor {key!r} must be finite, but holds NaN or infinity")


def _check_channels(module: nn.Sequential, channels: dict[str, tuple[int, ...]]) -> None:
    counts = {unit.layer: unit.count for unit in feature_maps(module)}
    for name, indices in channels.items():
        rising = all(a < b for a, b in zip((-1, *indices), indices, strict=False))
        if len(indices) != counts.get(name) or not rising:
            raise ValueError(f"channels of layer {name!r} must be one ascending index per map")
