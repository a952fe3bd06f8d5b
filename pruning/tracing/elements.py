"""Calls that treat elements or features: linear, normalisation, activations, arithmetic."""

from collections.abc import Callable
from typing import Any

import torch

from pruning import graph
from pruning.chain import UnsupportedLayer
from pruning.graph import Node
from pruning.reals import Clip
from pruning.tracing.advice import unsupported
from pruning.tracing.applied import Applied


def linear(x: Node, weight: torch.Tensor, bias: torch.Tensor | None = None) -> Applied:
    """Read `torch.nn.functional.linear`."""
    if len(x.shape) != 1:
        raise UnsupportedLayer(f"must take what is flattened, not maps {x.shape}")
    return Applied(graph.Linear(weight, bias), (x,))


def batch_norm(
    x: Node,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Applied:
    """Read `torch.nn.functional.batch_norm`."""
    if training or running_mean is None or running_var is None:
        raise UnsupportedLayer("must have running statistics, and use them in evaluation")
    if running_var.min() + eps <= 0:
        raise UnsupportedLayer("running_var must be positive")
    return Applied(graph.Norm(running_mean, running_var, weight, bias, eps), (x,))


def clamp(x: Node, min: Any = None, max: Any = None) -> Applied:
    """Read `torch.clamp`."""
    low, high = (None if v is None else float(v) for v in (min, max))
    if low is not None and high is not None and low > high:
        raise UnsupportedLayer(f"its limits must ascend, not {low}, {high}")
    return Applied(graph.Activation(Clip(low, high)), (x,))


def dropout(x: Node, p: float = 0.5, training: bool = True, inplace: bool = False) -> Node:
    """Read `torch.nn.functional.dropout`."""
    if training and p:
        raise UnsupportedLayer("must be off in evaluation: pass training=self.training")
    return x


def stochastic_depth(x: Node, p: float, mode: str, training: bool = True) -> Node:
    """Read `torchvision.ops.stochastic_depth`."""
    return dropout(x, p, training)


def same(x: Node, *_: Any, **__: Any) -> Node:
    """Read what changes no element."""
    return x


def attribute(x: Node, name: str) -> Node:
    """Read an attribute: only ``data`` is the maps as they are."""
    if name != "data":
        raise unsupported(name)
    return x


def add(x: Any, y: Any, alpha: float = 1) -> Applied:
    """Read `torch.add`."""
    if not isinstance(x, Node) or not isinstance(y, Node):
        return _scale(x, y, lambda a, b: a + b * alpha)
    if x.shape != y.shape or alpha != 1:
        raise UnsupportedLayer(f"must add maps of one shape, not {x.shape} and {y.shape}")
    return Applied(graph.Add(), (x, y))


def arithmetic(function: Callable[[Any, Any], Any], name: str) -> Callable[..., Any]:
    """Read a linear function of maps and a constant."""

    def read_function(x: Any, y: Any) -> Any:
        if isinstance(x, Node) and isinstance(y, Node):
            raise unsupported(f"{name} of maps")
        if name == "truediv" and not isinstance(x, Node):
            raise unsupported("division by maps")
        return _scale(x, y, function)

    return read_function


def _scale(x: Any, y: Any, function: Callable[[Any, Any], Any]) -> Any:
    """Find the factor and the addend of a linear function of a map and a constant."""
    node = x if isinstance(x, Node) else y
    batch = (2, *node.shape)
    zeros, ones = torch.zeros(batch, dtype=torch.float64), torch.ones(batch, dtype=torch.float64)
    offset, end = (function(v, y) if x is node else function(x, v) for v in (zeros, ones))
    if offset.shape != zeros.shape:
        raise UnsupportedLayer(f"a constant must fit maps {node.shape}, not make {offset.shape}")
    if not torch.count_nonzero(end) and not torch.count_nonzero(offset):
        return zeros
    both = torch.stack([end - offset, offset]).movedim(2, 0).flatten(2)  # (C, 2, elements)
    if (both != both[:, :, :1]).any():
        raise UnsupportedLayer("a constant must be one number, or one for each channel")
    return Applied(graph.Scale(both[:, 0, 0], both[:, 1, 0]), (node,))
