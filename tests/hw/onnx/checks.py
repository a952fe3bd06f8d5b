"""Compares imported operators with those of onnxruntime."""

from pathlib import Path

from hw.network import Network
from hw.onnx.agreement import Agreement, compare_with_onnxruntime
from hw.onnx.importer import import_onnx
from tests.hw.drawn import frames_of
from tests.hw.onnx.graphs import GraphMaker, drawn_weights

STEP = 1 / 64


def check(path: Path, most: float = 1.01, frames: int = 24) -> tuple[Network, Agreement]:
    """Import a model; its results must be those of onnxruntime, but for roundings."""
    network = import_onnx(path)
    found = compare_with_onnxruntime(path, network, frames_of(network, frames, 5))
    assert found.difference <= most
    return network, found


def conv(g: GraphMaker, x: str, rng, *shape: int, **options) -> str:
    """Put a convolution whose outputs have scales and biases of their own."""
    steps = rng.uniform(0.002, 0.01, shape[0])
    bias = g.fixed(rng.uniform(-2, 2, shape[0]))
    return g.node("Conv", x, g.weights(drawn_weights(rng, *shape), steps), bias, **options)
