"""Calls that treat elements or features: linear, normalisation, activations, arithmetic."""

from typing import Any

import torch

from pruning import graph
from pruning.graph import Node
from pruning.reals import Clip
from pruning.tracing.advice import unsupported
from pruning.tracing.applied import Applied
from pruning.unsupported import UnsupportedLayer


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
    momentum: float | None = 0.1,
    eps: float = 1e-5,
) -> Applied:
    """Read `torch.nn.functional.batch_norm`."""
    if training or running_mean is None or running_var is None:
        raise UnsupportedLayer("must have running statistics, and use them in evaluation")
    if running_var.min() + eps <= 0:
        raise UnsupportedLayer("running_var must be positive")
    return Applied(graph.Norm(running_mean, running_var, weight, bias, eps, momentum), (x,))


def clamp(x: Node, min: Any = None, max: Any = None) -> Applied:
    """Read `torch.clamp`."""
    low, high = (None if v is None else float(v) for v in (min, max))
    if low is not None and high is not None and low > high:
        raise UnsupportedLayer(f"its limits must ascend, not {low}, {high}")
    return Applied(graph.Activation(Clip(low, high)), (x,))


def dropout(
    x: Node, p: float = 0.5, training: bool = True, inplace: bool = False, *, maps: bool = False
) -> Applied:
    """Read `torch.nn.functional.dropout` and its kin."""
    if training and p:
        raise UnsupportedLayer("must be off in evaluation: pass training=self.training")
    return Applied(graph.Dropout(p, maps and len(x.shape) == 3), (x,))


def stochastic_depth(x: Node, p: float, mode: str, training: bool = True) -> Node:
    """Read `torchvision.ops.stochastic_depth`, which is left out in training."""
    dropout(x, p, training)
    return x


def same(x: Node, *_: Any, **__: Any) -> Node:
    """Read what changes no element."""
    return x


def attribute(x: Node, name: str) -> Node:
    """Read an attribute: only ``data`` is the maps as they are."""
    if name != "data":
        raise unsupported(name)
    return x


def add(x: Any, y: Any, alpha: float = 1) -> Applied | torch.Tensor:
    """Read `torch.add`."""
    if alpha != 1:
        raise UnsupportedLayer(f"alpha must be 1, not {alpha!r}")
    if not isinstance(x, Node) or not isinstance(y, Node):
        return _scale(x, 1, y) if isinstance(x, Node) else _scale(y, 1, x)
    if x.shape != y.shape:
        raise UnsupportedLayer(f"must add maps of one shape, not {x.shape} and {y.shape}")
    return _scale(x, 2, 0) if x is y else Applied(graph.Add(), (x, y))


def subtract(x: Any, y: Any) -> Applied | torch.Tensor:
    """Read `torch.sub`."""
    if isinstance(x, Node) and isinstance(y, Node):
        raise unsupported("sub of maps")
    return _scale(x, 1, -y) if isinstance(x, Node) else _scale(y, -1, x)


def multiply(x: Any, y: Any) -> Applied | torch.Tensor:
    """Read `torch.mul`."""
    if isinstance(x, Node) and isinstance(y, Node):
        raise unsupported("mul of maps")
    return _scale(x, y, 0) if isinstance(x, Node) else _scale(y, x, 0)


def divide(x: Any, y: Any) -> Applied | torch.Tensor:
    """Read `torch.div`."""
    if isinstance(y, Node):
        raise unsupported("division by maps")
    return _scale(x, 1 / torch.as_tensor(y, dtype=torch.float64), 0)


def _scale(x: Node, gain: Any, offset: Any) -> Applied | torch.Tensor:
    """Scale maps by constants, or make zeros of them."""
    factor, addend = _each_channel(x, gain), _each_channel(x, offset)
    if not factor.any() and not addend.any():
        return torch.zeros(2, *x.shape, dtype=torch.float64)
    return Applied(graph.Scale(factor, addend), (x,))


def _each_channel(x: Node, constant: Any) -> torch.Tensor:
    """Find a constant's number for each channel of maps."""
    constant = torch.as_tensor(constant, dtype=torch.float64)
    try:
        whole = constant.broadcast_to((2, *x.shape)).movedim(1, 0).flatten(1)
    except RuntimeError as error:
        shape = tuple(constant.shape)
        raise UnsupportedLayer(f"a constant must fit maps {x.shape}, not be {shape}") from error
    if (whole != whole[:, :1]).any():
        raise UnsupportedLayer("a constant must be one number, or one for each channel")
    return whole[:, 0]
