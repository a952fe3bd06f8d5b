"""Reading: what operation a call that torch.fx has recorded is."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules import dropout

from pruning import graph
from pruning.graph import Node
from pruning.tracing import elements, shapes, windows
from pruning.tracing.advice import unsupported
from pruning.tracing.applied import Applied
from pruning.tracing.recorder import function_name
from pruning.unsupported import UnsupportedLayer


def read(call: fx.Node, args: Sequence[Any], kwargs: dict[str, Any]) -> Applied | Node | Any:
    """Find what a call does.

    Parameters
    ----------
    call : torch.fx.Node
        With its result and its module in ``meta``.
    args, kwargs :
        Its arguments: a Node for maps that depend on the picture, else values.

    Returns
    -------
    Applied
        A new operation; a Node if the call does nothing to maps; a tensor if it is a constant.

    Raises
    ------
    UnsupportedLayer
        If it is not supported; the sentence does not say where.
    """
    result = call.meta["value"]
    shape = tuple(result.shape[1:]) if isinstance(result, torch.Tensor) else ()
    if call.op == "call_module":
        module = call.meta["module"]
        if isinstance(module, nn.Flatten | nn.Unflatten):
            return shapes.reshaped(args[0], shape)
        for kind, reader in _MODULES.items():
            if isinstance(module, kind):
                return reader(module, args[0])
        raise unsupported(type(module).__name__)
    name = function_name(call)
    if name not in _RESHAPES and name not in _FUNCTIONS:
        raise unsupported(name)
    if name in _RESHAPES or (name == "getitem" and shapes.only_adds_axes(args[1])):
        return shapes.reshaped(args[0], shape)
    try:
        return _FUNCTIONS[name](*args, **kwargs)
    except TypeError as error:  # an argument that no other case here has
        raise UnsupportedLayer(f"{name} is not supported with these arguments: {error}") from error


_RESHAPES = ("flatten", "view", "reshape", "squeeze", "unsqueeze")


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "adaptive_avg_pool2d": windows.adaptive(graph.AvgPool),
    "adaptive_max_pool2d": windows.adaptive(graph.MaxPool),
    "add": elements.add,
    "amax": windows.over_the_map(graph.MaxPool),
    "avg_pool2d": windows.avg_pool2d,
    "batch_norm": elements.batch_norm,
    "cat": shapes.cat,
    "clamp": elements.clamp,
    "clamp_max": lambda x, max: elements.clamp(x, None, max),
    "clamp_min": lambda x, min: elements.clamp(x, min),
    "conv2d": windows.conv2d,
    "getattr": elements.attribute,
    "getitem": shapes.getitem,
    "hardtanh": lambda x, min_val=-1.0, max_val=1.0, inplace=False: elements.clamp(
        x, min_val, max_val
    ),
    "linear": elements.linear,
    "max_pool2d": windows.max_pool2d,
    "mean": windows.over_the_map(graph.AvgPool),
    "mul": elements.multiply,
    "neg": lambda x: elements.multiply(x, -1),
    "new_zeros": shapes.zeros,
    "pad": windows.pad,
    "relu": lambda x, inplace=False: elements.clamp(x, 0),
    "relu6": lambda x, inplace=False: elements.clamp(x, 0, 6),
    "stochastic_depth": elements.stochastic_depth,
    "sub": elements.subtract,
    "truediv": elements.divide,
    "zeros_like": lambda x, **_: shapes.zeros(x),
}
_FUNCTIONS |= dict.fromkeys(("dropout", "alpha_dropout"), elements.dropout)
_FUNCTIONS |= dict.fromkeys(("dropout2d", "feature_dropout"), partial(elements.dropout, maps=True))
_FUNCTIONS |= dict.fromkeys(
    ("clone", "contiguous", "cpu", "cuda", "detach", "double", "float", "to", "type"), elements.same
)


def _conv_module(m: nn.Conv2d, x: Node) -> Applied:
    if m.padding_mode != "zeros":
        raise UnsupportedLayer(f"padding_mode must be 'zeros', not {m.padding_mode!r}")
    return windows.conv2d(x, m.weight, m.bias, m.stride, m.padding, m.dilation, m.groups)


def _norm_module(m: Any, x: Node) -> Applied:
    args = (m.running_mean, m.running_var, m.weight, m.bias)
    return elements.batch_norm(x, *args, momentum=m.momentum, eps=m.eps)


def _max_module(m: nn.MaxPool2d, x: Node) -> Applied:
    args = (m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode, m.return_indices)
    return windows.max_pool2d(x, *args)


def _avg_module(m: nn.AvgPool2d, x: Node) -> Applied:
    args = (m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad)
    return windows.avg_pool2d(x, *args, m.divisor_override)


_MODULES: dict[type[nn.Module], Callable[[Any, Any], Any]] = {
    nn.Conv2d: _conv_module,
    nn.Linear: lambda m, x: elements.linear(x, m.weight, m.bias),
    nn.BatchNorm2d: _norm_module,
    nn.BatchNorm1d: _norm_module,
    nn.ReLU: lambda m, x: elements.clamp(x, 0),
    nn.Hardtanh: lambda m, x: elements.clamp(x, m.min_val, m.max_val),  # ReLU6 is one
    nn.MaxPool2d: _max_module,
    nn.AvgPool2d: _avg_module,
    nn.AdaptiveAvgPool2d: lambda m, x: windows.adaptive(graph.AvgPool)(x, m.output_size),
    nn.AdaptiveMaxPool2d: lambda m, x: windows.adaptive(graph.MaxPool)(
        x, m.output_size, m.return_indices
    ),
    nn.ZeroPad2d: lambda m, x: windows.pad(x, m.padding),
    nn.ConstantPad2d: lambda m, x: windows.pad(x, m.padding, value=m.value),
    nn.Identity: lambda m, x: x,
    nn.Dropout2d: lambda m, x: elements.dropout(x, m.p, False, maps=True),
    dropout._DropoutNd: lambda m, x: elements.dropout(x, m.p, False),
}
