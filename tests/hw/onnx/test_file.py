"""Files that cannot be imported are refused, and named."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from hw.onnx.agreement import compare_with_onnxruntime
from hw.onnx.file import OPSETS
from hw.onnx.importer import import_onnx
from tests.hw.onnx.beginnings import good, start, weights


def test_opsets(tmp_path) -> None:
    g, result = good()
    for opset in (OPSETS[0], OPSETS[-1]):
        import_onnx(g.save(tmp_path / "m.onnx", result, opset=opset))
    for opset in (OPSETS[0] - 1, OPSETS[-1] + 1):
        path = g.save(tmp_path / "m.onnx", result, opset=opset)
        with pytest.raises(ValueError, match=f"must have an opset from 11 to 25, not {opset}"):
            import_onnx(path)


def test_data_elsewhere(tmp_path) -> None:
    g, result = good()
    model = g.model(result)
    path = tmp_path / "m.onnx"
    onnx.save(model, path, save_as_external_data=True, location="data.bin", size_threshold=0)
    with pytest.raises(ValueError, match=r"must hold all data itself, but that of 'k\d' is extern"):
        import_onnx(path)


def test_inputs(tmp_path) -> None:
    g, result = good()
    model = g.model(result)
    second = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])
    model.graph.input.append(second)
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ValueError, match=r"must have one input, not \['x', 'y'\]"):
        import_onnx(tmp_path / "m.onnx")
    for shape in ((3, "H", 6), (3, 6), ()):
        g.inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])]
        path = g.save(tmp_path / "m.onnx", result)
        with pytest.raises(ValueError, match=r"input 'x' must have a shape \(N, C, H, W\) or"):
            import_onnx(path)


def test_outputs_that_are_no_maps(tmp_path) -> None:
    g, result = good()
    g.nodes.append(helper.make_node("MaxPool", [result], ["y", "places"], kernel_shape=[2, 2]))
    for output in ("places", "k0"):
        path = g.save(tmp_path / "m.onnx", result, output)
        with pytest.raises(ValueError, match=f"m.onnx: output '{output}' must be a map that is"):
            import_onnx(path)


def test_numbers_that_are_none(tmp_path) -> None:
    g, x = start()
    bias = g.fixed(np.array([1.0, 2.0, np.nan, 4.0]))
    y = g.rounded(g.node("Conv", x, weights(g), bias), 0.1)
    with pytest.raises(ValueError, match=f"m.onnx: tensor '{bias}' must hold numbers only"):
        import_onnx(g.save(tmp_path / "m.onnx", y))


def test_limits_of_the_hardware_are_told_of_the_file(tmp_path) -> None:
    g, x = start(600, 2, 2)
    path = g.save(tmp_path / "m.onnx", g.node("MaxPool", x, kernel_shape=[2, 2]))
    with pytest.raises(ValueError, match=r"m.onnx: .*layer 'x': shape must be \(1..512, "):
        import_onnx(path)


def test_file_that_is_not_there(tmp_path) -> None:
    network = import_onnx(good()[0].save(tmp_path / "m.onnx", good()[1]))
    for function in (import_onnx, lambda p: compare_with_onnxruntime(p, network, np.zeros(0))):
        with pytest.raises(FileNotFoundError, match=r"none.onnx"):
            function(tmp_path / "none.onnx")


def test_damaged_files(tmp_path) -> None:
    """Whatever byte is wrong, the answer is a network or an error that names the file."""
    g, result = good()
    path = g.save(tmp_path / "m.onnx", result)
    data, rng, refused = path.read_bytes(), np.random.default_rng(1), []
    for trial in range(400):
        wrong = bytearray(data)
        if trial % 4 == 0:
            wrong = wrong[: rng.integers(len(data))]
        else:
            for _ in range(rng.integers(1, 4)):
                wrong[rng.integers(len(wrong))] = rng.integers(256)
        path.write_bytes(wrong)
        try:
            import_onnx(path)
        except ValueError as error:
            refused.append(str(error))
    assert len(refused) > 150
    assert all(message.startswith(f"{path}: ") for message in refused)
