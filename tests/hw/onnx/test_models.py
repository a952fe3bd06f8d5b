"""Models of PyTorch that onnxruntime quantises: from a float model to a network of integers."""

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from torch import nn

from hw.layers import Add, Concat
from hw.onnx.agreement import compare_with_onnxruntime
from hw.onnx.export import onnx_model
from hw.onnx.importer import import_onnx
from tests.hw.onnx.runs import results

SHAPE = (3, 16, 16)


class Residual(nn.Module):
    """Blocks as in ResNet, one with a strided shortcut; batch normalisation; global average."""

    def __init__(self) -> None:
        super().__init__()

        def conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Module:
            layer = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
            return nn.Sequential(layer, nn.BatchNorm2d(outputs))

        self.first = conv(3, 8, 3)
        self.a, self.b = conv(8, 8, 3), conv(8, 8, 3)
        self.c, self.d, self.e = conv(8, 12, 3, 2), conv(12, 12, 3), conv(8, 12, 1, 2)
        self.linear = nn.Linear(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x).relu()
        x = (self.b(self.a(x).relu()) + x).relu()
        x = (self.d(self.c(x).relu()) + self.e(x)).relu()
        return self.linear(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))


class Branches(nn.Module):
    """Depthwise convolutions, ReLU6, max and average pooling, branches that are concatenated."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 5, stride=2, padding=2)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8)
        self.one, self.three = nn.Conv2d(8, 6, 1), nn.Conv2d(8, 4, 3, padding=1)
        self.linear = nn.Sequential(nn.Linear(18 * 2 * 2, 20), nn.ReLU(), nn.Linear(20, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.relu6(self.depthwise(nn.functional.relu6(self.first(x))))
        pooled = nn.functional.max_pool2d(x, 3, 1, 1)
        x = torch.cat([self.one(x).relu(), self.three(x).relu(), pooled], 1)
        x = nn.functional.avg_pool2d(nn.functional.max_pool2d(x, 2), 2)
        return self.linear(x.flatten(1))


OPTIONS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "symmetric": {"extra_options": {"ActivationSymmetric": True}},
    "unsigned": {"activation_type": QuantType.QUInt8, "per_channel": False},
    "unsigned weights": {
        "activation_type": QuantType.QUInt8,
        "weight_type": QuantType.QUInt8,
        "extra_options": {"WeightSymmetric": True},
        "per_channel": False,
    },
    "sixteen bits": {
        "activation_type": QuantType.QInt16,
        "extra_options": {"ActivationSymmetric": True},
    },
}


class Pictures(CalibrationDataReader):
    """Pictures from which the scales are taken."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.batches = iter([{"x": smooth(rng, 8).astype(np.float32) / 255} for _ in range(4)])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.batches, None)


def smooth(rng: np.random.Generator, many: int) -> np.ndarray:
    """Draw pictures (N, C, H, W) whose neighbours are alike, from 0 to 255."""
    coarse = rng.uniform(0, 255, (many, 3, 4, 4))
    return np.clip(np.kron(coarse, np.ones((4, 4))) + rng.normal(0, 20, (many, *SHAPE)), 0, 255)


@pytest.fixture(scope="module", params=[Residual, Branches])
def exported(request, tmp_path_factory) -> Path:
    """File of a model of real numbers, whose weights are random and its activations of use."""
    torch.manual_seed(3)
    model = request.param()
    with torch.no_grad():  # batch normalisations learn what goes through them
        for _ in range(10):
            model(torch.as_tensor(smooth(np.random.default_rng(2), 32) / 255).float())
    path = tmp_path_factory.mktemp(request.param.__name__) / "real.onnx"
    batch = {"x": {0: "N"}, "y": {0: "N"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter is the old one; the new one needs more
        names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": batch}
        example = (torch.zeros(1, *SHAPE),)
        torch.onnx.export(model.eval(), example, path, dynamo=False, opset_version=17, **names)
    return path


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_float_model_becomes_a_network(options: dict[str, Any], exported: Path, tmp_path) -> None:
    logging.getLogger().setLevel(logging.ERROR)  # onnxruntime recommends what is of no use here
    path = tmp_path / "quantised.onnx"
    arguments: dict[str, Any] = {"per_channel": True} | options
    quantize_static(exported, path, Pictures(), **arguments)
    network = import_onnx(path)

    stream, rng = network.input.stream, np.random.default_rng(7)
    real = smooth(rng, 100) / 255 / network.input.scale
    codes = np.rint(real) + np.array(network.input.offset or 0).reshape(-1, 1, 1)
    x = np.clip(codes, stream.low, stream.high).astype(np.int64)
    found = compare_with_onnxruntime(path, network, x)
    wide = network.formats[network.outputs[0]].bits == 16
    assert found.difference <= (40 if wide else 3)
    assert found.top1 >= 0.95

    kinds = {type(layer) for layer in network.layers}
    assert kinds & {Add, Concat}
    again = results(onnx_model(network).SerializeToString(), x[:4])
    for name, y in network.compute(x[:4]).items():
        np.testing.assert_array_equal(again[name], y)
