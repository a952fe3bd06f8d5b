"""Writes the nodes of an ONNX graph; each is named after the one tensor that it makes."""

from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, ValueInfoProto, helper, numpy_helper

from hw.activation import Activation

OPSET = 17  # no operator that is used has changed for integers since opset 14
IR_VERSION = 8  # that of opset 17, so that runtimes of 2022 read the file
BATCH = "N"


def element_type(form: Activation) -> np.dtype:
    """Smallest type of ONNX that holds every element of a map."""
    width = next(width for width in (8, 16, 32, 64) if form.bits <= width)
    return np.dtype(f"{'' if form.signed else 'u'}int{width}")


class GraphWriter:
    """A graph that grows by nodes, and by the constants that they take."""

    def __init__(self) -> None:
        self.nodes, self.constants = [], []

    def add(self, operator: str, result: str, *inputs: str | np.ndarray, **attributes: Any) -> str:
        """Add a node; an array among its inputs becomes a constant named after the result.

        Returns
        -------
        str
            The result's name.
        """
        names = []
        for position, value in enumerate(inputs):
            if isinstance(value, np.ndarray):
                name = f"{result}.{'abcdefgh'[position]}"
                self.constants.append(numpy_helper.from_array(value, name))
                value = name
            names.append(value)
        self.nodes.append(helper.make_node(operator, names, [result], result, **attributes))
        return result

    def cast(self, result: str, value: str, kind: Any) -> str:
        """Add a change of type."""
        return self.add("Cast", result, value, to=helper.np_dtype_to_tensor_dtype(np.dtype(kind)))

    def model(
        self,
        name: str,
        picture: ValueInfoProto,
        results: list[ValueInfoProto],
        facts: dict[str, str],
    ) -> ModelProto:
        """Put the graph into a model, which holds facts for people and programs."""
        graph: GraphProto = helper.make_graph(
            self.nodes, name, [picture], results, initializer=self.constants
        )
        opsets = [helper.make_opsetid("", OPSET)]
        made = helper.make_model(
            graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="secateur"
        )
        helper.set_model_props(made, facts)
        return made


def tensor(name: str, form: Activation) -> ValueInfoProto:
    """Describe a map, (N, C, H, W), that enters or leaves."""
    kind = helper.np_dtype_to_tensor_dtype(element_type(form))
    return helper.make_tensor_value_info(name, kind, [BATCH, *form.shape])
