from dataclasses import replace

import numpy as np
import onnx
import pytest

from hw.layers import Conv
from hw.network import Network
from hw.onnx.agreement import compare_with_onnxruntime
from hw.onnx.importer import import_onnx
from tests.hw.drawn import frames_of
from tests.hw.onnx.beginnings import good, start, weights
from tests.hw.onnx.graphs import GraphMaker


def logits(g: GraphMaker) -> str:
    """Put a linear layer whose weights are one, and leave its sums."""
    x = g.node("Flatten", g.rounded("x", 0.5))
    return g.node("Gemm", x, g.weights(np.eye(4, dtype=np.int8), 0.25), transB=1)


def test_difference_is_in_steps_of_the_result(tmp_path) -> None:
    g = GraphMaker(4, 1, 1)
    path = g.save(tmp_path / "m.onnx", logits(g), axes=2)
    network = import_onnx(path)
    x = np.array([[3, 5, 0, 1], [9, 2, 7, 8]])[:, :, None, None]
    equal = compare_with_onnxruntime(path, network, x)
    assert (equal.difference, equal.top1) == (0, 1)

    first, last = network.layers
    assert isinstance(last, Conv)
    other = Network("other", (first, replace(last, bias=np.array([0, 0, 3, 0]))))
    found = compare_with_onnxruntime(path, other, x)
    assert (found.difference, found.top1) == (3, 0.5)  # the second has 10 where it should have 7


def test_model_of_a_fixed_batch(tmp_path) -> None:
    g = GraphMaker(4, 1, 1)
    model = g.model(logits(g), axes=2)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 2
    onnx.save(model, tmp_path / "m.onnx")
    network = import_onnx(tmp_path / "m.onnx")
    found = compare_with_onnxruntime(tmp_path / "m.onnx", network, frames_of(network, 6, 1))
    assert (found.difference, found.top1) == (0, 1)


def test_results_that_are_not_the_networks(tmp_path) -> None:
    g, result = good()
    path = g.save(tmp_path / "m.onnx", result)
    network = import_onnx(path)
    g, x = start()
    other = g.save(
        tmp_path / "other.onnx", g.rounded(g.node("Conv", x, weights(g, 9, 3, 3, 3)), 1.0)
    )
    with pytest.raises(ValueError, match=r"other.onnx: must have the results of network 'm'"):
        compare_with_onnxruntime(other, network, frames_of(network, 2, 1))
    other.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"other.onnx: onnxruntime cannot compute it: "):
        compare_with_onnxruntime(other, network, frames_of(network, 2, 1))
