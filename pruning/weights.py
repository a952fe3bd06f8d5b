"""Weights of a model from a file of tensors: safetensors, or PyTorch's own without code in it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

MAX_FILE_BYTES = 1 << 32
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")  # where training scripts put it
_SHOWN = 3  # keys in a message


def load_weights(module: nn.Module, path: str | os.PathLike) -> None:
    """Fill a module with the tensors of a file; all of them, or none if one does not fit.

    The counter of batches that normalisation has seen may be missing. The prefix ``module.`` of
    models that were trained on several devices is dropped.

    Parameters
    ----------
    module : nn.Module
        Is changed.
    path : path
        ``.safetensors``, ``.pt`` or ``.pth``.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no such file, or its tensors are not those of the module. The file is named, and
        the key.
    """
    path = Path(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: weights must have at most {MAX_FILE_BYTES} bytes")
    tensors = _read(path)
    try:
        _check(module.state_dict(), tensors)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    module.load_state_dict(tensors, strict=False)


def _read(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        try:
            return load_file(path)
        except SafetensorError as error:
            raise ValueError(f"{path}: not a safetensors file: {error}") from error
    if path.suffix not in (".pt", ".pth"):
        raise ValueError(f"{path}: weights must be .safetensors, .pt or .pth, not {path.suffix!r}")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged pickle can raise anything
        line = str(error).partition("\n")[0]
        raise ValueError(
            f"{path}: not a file of tensors alone, as torch.save(model.state_dict(), ...) "
            f"writes: {line}"
        ) from error
    return _unwrapped(path, found)


def _unwrapped(path: Path, found: Any) -> dict[str, torch.Tensor]:
    """Find the tensors among what a training script has saved."""
    while isinstance(found, Mapping):
        inner = next((found[key] for key in _WRAPPERS if isinstance(found.get(key), Mapping)), None)
        if inner is None:
            break
        found = inner
    if not isinstance(found, Mapping) or not found:
        raise ValueError(f"{path}: must hold tensors by name, not {type(found).__name__}")
    strange = [key for key, value in found.items() if not isinstance(value, torch.Tensor)]
    if strange:
        kind = type(found[strange[0]]).__name__
        raise ValueError(f"{path}: {strange[0]!r} must be a tensor, not {kind}")
    if all(str(key).startswith("module.") for key in found):
        return {str(key).removeprefix("module."): value for key, value in found.items()}
    return {str(key): value for key, value in found.items()}


def _check(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> None:
    """Compare keys, shapes and numbers with those of a module."""
    optional = {key for key in expected if key.endswith("num_batches_tracked")}
    missing = [key for key in expected if key not in found and key not in optional]
    unexpected = [key for key in found if key not in expected]
    wrong = [
        f"{what} {_listed(keys)}"
        for what, keys in (("is missing", missing), ("must not have", unexpected))
        if keys
    ]
    if wrong:
        raise ValueError(" and ".join(wrong))
    for key, tensor in found.items():
        shape = tuple(expected[key].shape)
        if tuple(tensor.shape) != shape:
            raise ValueError(f"tensor {key!r} must be {shape}, not {tuple(tensor.shape)}")
        if tensor.is_complex() or not torch.isfinite(tensor).all():
            raise ValueError(f"tensor {key!r} must be finite real numbers")


def _listed(keys: list[str]) -> str:
    more = len(keys) - _SHOWN
    return ", ".join(map(repr, keys[:_SHOWN])) + (f" and {more} more" if more > 0 else "")
