"""A quantised ONNX model, QDQ or QONNX, as a network of integers."""

import os
from collections.abc import Callable
from pathlib import Path

from hw.network import Network
from hw.onnx import linear, maps, shapes
from hw.onnx.file import Graph, Node, UnsupportedNode, read_graph
from hw.onnx.layers import LayerWriter, identifier
from hw.onnx.quantisers import QUANTISERS
from hw.onnx.values import Codes, Constant, Levels, Map, Picture, Rounded, Sum, Together, Value

Handler = Callable[[Node, list[Value | None], LayerWriter], Value]


def import_onnx(path: str | os.PathLike, name: str | None = None) -> Network:
    """Read a quantised model as a network of integers.

    Two kinds of models are known: QDQ, in which QuantizeLinear and DequantizeLinear stand around
    every operator, as onnxruntime and PyTorch write them; and QONNX, with its Quant, as Brevitas
    does. The opset must be one of `hw.onnx.file.OPSETS`.

    Codes become numbers whose zero is 0, exactly; the network's input takes the codes as they are.
    Where a range is no format of a layer, as with a zero point in the middle, small layers are put
    in that saturate at its ends (`hw.onnx.layers`). Scales become multipliers of 16 bits and
    shifts; halves are rounded up, where ONNX rounds them to even: results of a layer may so differ
    by one, see `hw.onnx.agreement`. A last layer that is not quantised leaves its sums as they are.

    Parameters
    ----------
    path : path
    name : str, optional
        Name of the network. Default: that of the file.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged, or not such a model; the file and the node are named.
    """
    path = Path(path)
    try:
        graph = read_graph(path)
        layers = LayerWriter()
        values = _values(graph, layers)
        outputs = dict.fromkeys(_output(name, values.get(name), layers) for name in graph.outputs)
        return Network(name or identifier(path.stem), tuple(layers.layers), tuple(outputs))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _values(graph: Graph, layers: LayerWriter) -> dict[str, Value]:
    """Work out what every tensor is."""
    flat = len(graph.shape) == 1
    shape = (graph.shape[0], 1, 1) if flat else (graph.shape[0], graph.shape[1], graph.shape[2])
    values: dict[str, Value] = {name: Constant(array) for name, array in graph.constants.items()}
    values[graph.picture] = Picture(graph.picture, shape, flat)
    for node in graph.nodes:
        handler = OPERATORS.get((node.domain.removeprefix("ai.onnx"), node.operator))
        if handler is None:
            raise node.error(
                f"is not supported; {', '.join(sorted({o for _, o in OPERATORS}))} are"
            )
        for name in node.inputs:
            node.check(not name or name in values, f"takes {name!r}, which is not there")
        taken = [values[name] if name else None for name in node.inputs]
        needed = _INPUTS.get(node.operator, 1)
        node.check(len(taken) >= needed, f"must have {needed} inputs, not {len(taken)}")
        try:
            values[node.outputs[0]] = handler(node, taken, layers)
        except UnsupportedNode:
            raise
        except ValueError as error:
            raise node.error(f"cannot be imported: {error}") from error
    return values


def _output(name: str, value: Value | None, layers: LayerWriter) -> str:
    """Make the layer whose result leaves as an output, and tell its name."""
    if isinstance(value, Rounded):
        value = value.codes
    if isinstance(value, Codes):
        value = layers.settled(value)
    if isinstance(value, Together) and value.alike:
        value = layers.joined(value)
    if isinstance(value, Sum):
        return layers.raw(value)
    if isinstance(value, Map):
        return value.layer
    raise ValueError(f"output {name!r} must be a map that is quantised, or sums of a last layer")


def _add(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Add maps, or fixed numbers to a map."""
    node.only()
    x, y = values
    if isinstance(x, Constant | Levels) and y is not None:
        x, y = y, x
    if isinstance(y, Constant | Levels) and x is not None:
        return linear.shift(node, x, y, 1, layers)
    return maps.added(node, x, y, layers)


def _subtract(node: Node, values: list[Value | None], layers: LayerWriter) -> Value:
    """Subtract fixed numbers from a map."""
    node.only()
    x, y = values
    if x is None or not isinstance(y, Constant | Levels):
        raise node.error("must subtract fixed numbers")
    return linear.shift(node, x, y, -1, layers)


_STANDARD: dict[str, Handler] = {
    "Add": _add,
    "AveragePool": maps.average_pool,
    "BatchNormalization": linear.batch_normalization,
    "Clip": maps.clip,
    "Concat": maps.concat,
    "Constant": shapes.constant,
    "Conv": linear.conv,
    "Div": linear.scale,
    "Dropout": shapes.identity,
    "Flatten": shapes.flatten,
    "Gather": shapes.gather,
    "Gemm": linear.gemm,
    "GlobalAveragePool": maps.global_average_pool,
    "Identity": shapes.identity,
    "MatMul": linear.matmul,
    "MaxPool": maps.max_pool,
    "Mul": linear.scale,
    "Pad": maps.pad,
    "ReduceMean": maps.reduce_mean,
    "Relu": maps.relu,
    "Reshape": shapes.reshape,
    "Shape": shapes.shape_of,
    "Squeeze": shapes.squeeze,
    "Sub": _subtract,
    "Transpose": shapes.transpose,
    "Unsqueeze": shapes.unsqueeze,
}
_INPUTS = {
    **dict.fromkeys(("Add", "Div", "Gather", "MatMul", "Mul", "Pad", "Reshape", "Sub"), 2),
    **dict.fromkeys(("Conv", "Gemm", "QuantizeLinear", "DequantizeLinear"), 2),
    **{"BatchNormalization": 5, "Quant": 4, "Constant": 0},
}
OPERATORS: dict[tuple[str, str], Handler] = {
    **{("", operator): handler for operator, handler in _STANDARD.items()},
    **QUANTISERS,
}
