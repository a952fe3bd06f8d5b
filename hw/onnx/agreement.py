"""How near a network of integers is to the QDQ model that it was imported from."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
import onnxruntime.capi.onnxruntime_pybind11_state as failures

from hw.network import Network

_FAILURES = (
    failures.Fail,
    failures.InvalidArgument,
    failures.InvalidGraph,
    failures.InvalidProtobuf,
    failures.NotImplemented,
    failures.RuntimeException,
)


_BATCH = 256  # bounds the memory


@dataclass(frozen=True)
class Agreement:
    """Difference between two models, over some pictures.

    Parameters
    ----------
    difference : float
        Largest difference of two results, in least significant bits of the network's.
    top1 : float
        Part of the results, from 0 to 1, whose largest channel is the same.
    """

    difference: float
    top1: float


def compare_with_onnxruntime(
    path: str | os.PathLike, network: Network, pictures: np.ndarray
) -> Agreement:
    """Compute a QDQ model with onnxruntime, and compare its results with a network's.

    They need not be equal: the model rounds halves to even, and its scales are real numbers. Its
    operators are computed one by one as they are written, none is fused into integer ones.

    Parameters
    ----------
    path : path
        The model, with the network's outputs, as real numbers.
    network : Network
        What `hw.onnx.importer.import_onnx` has made of it.
    pictures : (N, C, H, W) int
        As `Network.compute` takes them; the model gets the numbers that they stand for.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If onnxruntime cannot compute it, or its results have other shapes.
    """
    Path(path).stat()  # whose error names the file
    wanted = network.compute(pictures)
    try:
        found = _results(str(path), network, pictures)
    except _FAILURES as error:
        raise ValueError(f"{path}: onnxruntime cannot compute it: {error}") from error
    if [y.size for y in found] != [y.size for y in wanted.values()]:
        raise ValueError(f"{path}: must have the results of network {network.name!r}")
    differences, same = [], []
    for (name, y), real in zip(wanted.items(), found, strict=True):
        steps = real.reshape(y.shape) / np.float64(network.formats[name].scale)
        differences.append(float(np.abs(steps - y).max()))
        same.append((steps.argmax(axis=1) == y.argmax(axis=1)).ravel())
    return Agreement(max(differences), float(np.concatenate(same).mean()))


def _results(path: str, network: Network, pictures: np.ndarray) -> list[np.ndarray]:
    """Run a model on as many pictures at a time as it takes."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    kind = taken.type.removeprefix("tensor(").removesuffix(")")
    x = pictures
    if kind == "float":
        x = network.input.compute(pictures) * np.float64(network.input.scale)
    x = x.astype({"float": "float32"}.get(kind, kind))
    x = x.reshape(len(x), *network.input.shape[: len(taken.shape) - 1])
    many = taken.shape[0] if isinstance(taken.shape[0], int) else _BATCH
    parts = [session.run(None, {taken.name: x[k : k + many]}) for k in range(0, len(x), many)]
    return [np.concatenate(part).astype(np.float64) for part in zip(*parts, strict=True)]
