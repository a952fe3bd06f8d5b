"""The ledger of a run: what every design costs and does, as one JSON document with a schema."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw.area import predict_area
from hw.cost import LayerCost, predict
from hw.layers import Conv
from hw.network import Network
from hw.plan import Folding, plan
from hw.timing import PORTABLE, Stages
from hw.whole_file import write_whole
from reports.yosys import Area

SCHEMA = "secateur.report/1"
DESIGNS = ("pruned", "dense", "dense_same_rate")

_NUMBER = (int, float)
_LAYER = {
    "name": str,
    "kind": str,
    "maps": int,
    "maps_before": int,
    "macs": int,
    "parameters": int,
    "multipliers": int,
    "fold": dict,
    "cycles": {"predicted": int, "simulated": int},
    "utilisation": (int, float, type(None)),
    "input_bound": bool,
    "memory_bits": dict,
}
_DESIGN = {
    "accuracy": {"float": _NUMBER, "integer": _NUMBER, "rtl": _NUMBER},
    "test": {"images": int, "float": _NUMBER, "integer": _NUMBER},
    "frames": int,
    "mismatches": int,
    "stalls": list,
    "cycles": {"predicted": int, "simulated": int},
    "latency": {"predicted": int, "simulated": int},
    "multipliers": int,
    "dsp_cells": int,
    "utilisation": _NUMBER,
    "macs": int,
    "parameters": int,
    "cells": dict,
    "lut4_equivalents": int,
    "flip_flops": int,
    "block_rams": int,
    "predicted_area": {"luts": int, "flip_flops": int, "dsp_cells": int, "block_rams": int},
    "memory_bits": int,
    "layers": [_LAYER],
    "network_sha256": str,
    "verilog_sha256": str,
}
_SCHEMA = {
    "schema": str,
    "name": str,
    "seed": int,
    "config": {"hash": str, "values": dict},
    "data": {"name": str, "shape": list, "bits": int, "images": dict},
    "target": {"family": str, "flow": str},
    "machine": dict,
    "versions": dict,
    **dict.fromkeys(DESIGNS, _DESIGN),
}


@dataclass(frozen=True)
class Measured:
    """What was measured of one design.

    Parameters
    ----------
    accuracy : {"float", "integer", "rtl"}
        Parts of the simulated frames that are classified rightly.
    test : {"images", "float", "integer"}
        The same over the whole test set.
    simulation : mapping
        ``frames``, ``mismatches``, ``stalls``, ``interval``, ``latency``, and for each of its
        ``layers``, alone, the cycles ``predicted`` and ``simulated``.
    area : Area
        What Yosys counts.
    network_sha256, verilog_sha256 : str
    """

    accuracy: Mapping[str, float]
    test: Mapping[str, float]
    simulation: Mapping[str, Any]
    area: Area
    network_sha256: str
    verilog_sha256: str


def design_record(
    network: Network,
    folding: Folding,
    before: Network,
    measured: Measured,
    stages: Stages = PORTABLE,
) -> dict[str, Any]:
    """Put what was predicted and what was measured of one design side by side.

    Parameters
    ----------
    network : Network
        What the hardware computes.
    folding : Folding
        How it was folded.
    before : Network
        The same network before pruning.
    measured : Measured
    stages : Stages
        Of the cells that it is made of.
    """
    cost = predict(network, folding, plan(network, folding, stages=stages))
    area, simulation = measured.area, measured.simulation
    return {
        "accuracy": dict(measured.accuracy),
        "test": dict(measured.test),
        "frames": simulation["frames"],
        "mismatches": simulation["mismatches"],
        "stalls": list(simulation["stalls"]),
        "cycles": {"predicted": cost.interval, "simulated": simulation["interval"]},
        "latency": {"predicted": cost.latency, "simulated": simulation["latency"]},
        "multipliers": cost.multipliers,
        "dsp_cells": area.dsp_cells,
        "utilisation": network.macs / (simulation["interval"] * cost.multipliers),
        "macs": network.macs,
        "parameters": network.parameters,
        "cells": area.cells,
        "lut4_equivalents": area.luts,
        "flip_flops": area.flip_flops,
        "block_rams": area.block_rams,
        "predicted_area": vars(predict_area(network, folding, area.family)),
        "memory_bits": area.memory_bits,
        "layers": [
            _layer_record(layer, simulation["layers"][layer.name]["simulated"], network, before)
            for layer in cost.layers
        ],
        "network_sha256": measured.network_sha256,
        "verilog_sha256": measured.verilog_sha256,
    }


def _layer_record(
    layer: LayerCost, cycles: int, network: Network, before: Network
) -> dict[str, Any]:
    """Put what was predicted and the simulated cycles of one layer side by side."""
    return {
        "name": layer.name,
        "kind": _kind(network, layer.name),
        "maps": network.formats[layer.name].shape[0],
        "maps_before": before.formats[layer.name].shape[0],
        "macs": layer.macs,
        "parameters": layer.parameters,
        "multipliers": layer.multipliers,
        "fold": vars(layer.fold),
        "cycles": {"predicted": layer.cycles, "simulated": cycles},
        "utilisation": layer.macs / (cycles * layer.multipliers) if layer.multipliers else None,
        "input_bound": layer.input_bound,
        "memory_bits": dict(layer.memory_bits),
    }


def _kind(network: Network, name: str) -> str:
    """Name what a layer does; a convolution whose kernel is the whole map is linear."""
    layer = next(layer for layer in network.layers if layer.name == name)
    if not isinstance(layer, Conv):
        return "max pooling"
    _, height, width = network.formats[layer.source].shape
    return "linear" if layer.kernel == (height, width) else "convolution"


def check(document: Any) -> None:
    """Check that a document has every key of the schema, each of the right type.

    Raises
    ------
    ValueError
        Names the first key that does not fit.
    """
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else document
        raise ValueError(f"schema must be {SCHEMA!r}, not {found!r}")
    _check(document, _SCHEMA, "")


def _check(value: Any, wanted: Any, where: str) -> None:
    if not _fits(value, wanted):
        raise ValueError(f"{where} must not be a {type(value).__name__}")
    if isinstance(wanted, list):
        for number, entry in enumerate(value):
            _check(entry, wanted[0], f"{where}[{number}]")
    elif isinstance(wanted, dict):
        for key, inner in wanted.items():
            path = f"{where}.{key}" if where else key
            if key not in value:
                raise ValueError(f"{path} must be there")
            _check(value[key], inner, path)


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value has the wanted type; a bool is no number."""
    kind = type(wanted) if isinstance(wanted, list | dict) else wanted
    return isinstance(value, kind) and (wanted is bool or not isinstance(value, bool))


def save(document: dict[str, Any], path: str | os.PathLike) -> None:
    """Check a ledger and write it, complete or not at all."""
    check(document)
    write_whole(path, json.dumps(document, indent=2) + "\n")


def load(path: str | os.PathLike) -> dict[str, Any]:
    """Read a ledger.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a ledger; the file and the key are named.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        check(document)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a report: {error}") from error
    return document
