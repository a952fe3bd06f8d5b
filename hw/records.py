"""Files of dataclasses: one safetensors file, whose metadata holds what is not an array as JSON."""

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from hw.whole_file import write_whole

MAX_FILE_BYTES = 1 << 30


def write(path: str | os.PathLike, structure: dict[str, Any], layers: Sequence[Any]) -> None:
    """Write layers, and what else there is to say; complete or not at all.

    Parameters
    ----------
    path : path
    structure : dict
        Anything that JSON can hold, its ``schema`` among it.
    layers : sequence of dataclass instances
        Each with a ``name``; their arrays become tensors.
    """
    tensors, records = {}, []
    for layer in layers:
        record: dict = {"kind": type(layer).__name__}
        for item in dataclasses.fields(layer):
            value = getattr(layer, item.name)
            if isinstance(value, np.ndarray):
                tensors[f"{layer.name}.{item.name}"] = np.ascontiguousarray(value)
            else:
                record[item.name] = value
        records.append(record)
    metadata = json.dumps(structure | {"layers": records}, sort_keys=True)
    write_whole(path, save(tensors, {"secateur": metadata}))


def read(
    path: str | os.PathLike, schema: str, kinds: Mapping[str, type], what: str
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """Read what `write` wrote: the structure, and the layers.

    Parameters
    ----------
    schema : str
        That the file must have.
    kinds : dict of str to type
        Dataclasses of layers by their names.
    what : str
        What the file is, for people.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not such a file, is damaged, or describes impossible layers; the file is named.
    """
    path = Path(path)
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"{path}: a {what} must have at most {MAX_FILE_BYTES} bytes")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
        structure = json.loads(metadata["secateur"])
        if structure["schema"] != schema:
            raise ValueError(f"schema must be {schema}, not {structure['schema']!r}")
        layers = tuple(_layer(record, tensors, kinds) for record in structure.pop("layers"))
    except KeyError as error:
        raise ValueError(f"{path}: not a {what}: {error} is missing") from error
    except (SafetensorError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path}: not a {what}: {error}") from error
    return structure, layers


def _layer(
    record: dict[str, Any], tensors: dict[str, np.ndarray], kinds: Mapping[str, type]
) -> Any:
    """Make a layer of what a file says of it; JSON's lists are tuples here."""
    record = dict(record)
    kind = kinds[record.pop("kind")]
    known = {item.name for item in dataclasses.fields(kind)}
    if unknown := set(record) - known:
        raise ValueError(f"layer {record.get('name')!r} has an unknown field {min(unknown)!r}")
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in record.items()
    }
    prefix = f"{record['name']}."
    values |= {
        key.removeprefix(prefix): value
        for key, value in tensors.items()
        if key.startswith(prefix) and key.removeprefix(prefix) in known
    }
    return kind(**values)
