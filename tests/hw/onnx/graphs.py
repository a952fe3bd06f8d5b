"""Quantised ONNX models written by hand, operator by operator."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

Array = np.ndarray
OPSET, IR_VERSION = 21, 10
QONNX = "qonnx.custom_op.general"


class GraphMaker:
    """A graph that grows by operators; every method returns the name of a result."""

    def __init__(self, *shape: int | str, kind: int = TensorProto.FLOAT) -> None:
        self.nodes, self.constants = [], []
        self.inputs = [helper.make_tensor_value_info("x", kind, ["N", *shape])]

    def fixed(self, array: Array | float) -> str:
        """Put numbers into the file; real ones as float32."""
        array = np.asarray(array)
        name = f"k{len(self.constants)}"
        kept = array.astype(np.float32) if array.dtype == np.float64 else array
        self.constants.append(numpy_helper.from_array(kept, name))
        return name

    def node(self, operator: str, *inputs: str, name: str = "", domain: str = "", **options) -> str:
        """Put an operator, whose name is its own number if none is given."""
        result = name or f"{operator}_{len(self.nodes)}"
        made = helper.make_node(
            operator, inputs, [result], name=result, domain=domain or None, **options
        )
        self.nodes.append(made)
        return result

    def rounded(
        self, x: str, scale: float, zero: int = 0, kind: str = "uint8", name: str = ""
    ) -> str:
        """Quantise, and take for real numbers again."""
        step, point = self.fixed(scale), self.fixed(np.array(zero, kind))
        codes = self.node("QuantizeLinear", x, step, point, name=name)
        return self.node("DequantizeLinear", codes, step, point)

    def weights(self, codes: Array, scale: Array | float, zero: Array | None = None) -> str:
        """Put integers that are to be taken for real numbers; many scales are of the first axis."""
        scale = np.asarray(scale, np.float64)
        names = [self.fixed(codes), self.fixed(scale)]
        if zero is not None:
            names.append(self.fixed(zero))
        options: dict[str, Any] = {"axis": 0} if scale.ndim else {}
        return self.node("DequantizeLinear", *names, **options)

    def quant(self, x: str, scale, bits, *, zero: float = 0.0, **options) -> str:
        """Quantise as QONNX does."""
        options = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND"} | options
        fixed = (self.fixed(np.asarray(v, np.float64)) for v in (scale, zero, bits))
        return self.node("Quant", x, *fixed, domain=QONNX, **options)

    def model(self, *outputs: str, opset: int = OPSET, axes: int = 4) -> ModelProto:
        shape = ["N", *[None] * (axes - 1)]
        results = [helper.make_tensor_value_info(o, TensorProto.FLOAT, shape) for o in outputs]
        graph = helper.make_graph(self.nodes, "hand", self.inputs, results, self.constants)
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)

    def save(self, path: Path, *outputs: str, opset: int = OPSET, axes: int = 4) -> Path:
        onnx.save(self.model(*outputs, opset=opset, axes=axes), path)
        return path


def drawn_weights(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(-127, 128, shape).astype(np.int8)
