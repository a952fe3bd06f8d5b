"""Reading: what operation a call that torch.fx has recorded is."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn.modules import dropout

from pruning import graph
from pruning.advice import unsupported
from pruning.chain import UnsupportedLayer
from pruning.graph import Node, Operation
from pruning.reals import Clip, Edges, Pair


@dataclass(frozen=True)
class Applied:
    """An operation on some maps."""

    operation: Operation
    inputs: tuple[Node, ...]


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
            return _reshaped(args[0], shape)
        for kind, reader in _MODULES.items():
            if isinstance(module, kind):
                return reader(module, args[0])
        raise unsupported(type(module).__name__)
    name = function_name(call)
    if name not in _RESHAPES and name not in _FUNCTIONS:
        raise unsupported(name)
    if name in _RESHAPES or (name == "getitem" and _only_adds_axes(args[1])):
        return _reshaped(args[0], shape)
    try:
        return _FUNCTIONS[name](*args, **kwargs)
    except TypeError as error:  # an argument that no other case here has
        raise UnsupportedLayer(f"{name} is not supported with these arguments: {error}") from error


def function_name(call: fx.Node) -> str:
    """Name of a function or method, the same for all ways to call it."""
    target = call.target
    name = target if isinstance(target, str) else getattr(target, "__name__", str(target))
    name = name.rstrip("_")
    return _ALIASES.get(name, name)


_ALIASES = {
    "iadd": "add",
    "isub": "sub",
    "imul": "mul",
    "itruediv": "truediv",
    "div": "truediv",
    "multiply": "mul",
    "subtract": "sub",
    "concat": "cat",
    "concatenate": "cat",
    "clip": "clamp",
}
_RESHAPES = ("flatten", "view", "reshape", "squeeze", "unsqueeze")


def _maps(x: Node) -> tuple[int, int, int]:
    if len(x.shape) != 3:
        raise UnsupportedLayer(f"must take maps (C, H, W), not {x.shape}")
    channels, height, width = x.shape
    return channels, height, width


def _pair(value: int | Sequence[int]) -> Pair:
    if isinstance(value, int):
        return value, value
    return int(value[0]), int(value[-1])


def _edges(value: int | Sequence[int]) -> Edges:
    vertical, horizontal = _pair(value)
    return vertical, vertical, horizontal, horizontal


def _conv2d(
    x: Node,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Applied:
    _maps(x)
    dilation = _pair(dilation)
    if padding == "same":
        extra = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        sides = [(total // 2, total - total // 2) for total in extra]
        edges = (*sides[0], *sides[1])
    else:
        edges = _edges(0 if isinstance(padding, str) else padding)
    convolution = graph.Convolution(weight, bias, _pair(stride), edges, dilation, groups)
    return Applied(convolution, (x,))


def _linear(x: Node, weight: torch.Tensor, bias: torch.Tensor | None = None) -> Applied:
    if len(x.shape) != 1:
        raise UnsupportedLayer(f"must take what is flattened, not maps {x.shape}")
    return Applied(graph.Linear(weight, bias), (x,))


def _batch_norm(
    x: Node,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Applied:
    if training or running_mean is None or running_var is None:
        raise UnsupportedLayer("must have running statistics, and use them in evaluation")
    if running_var.min() + eps <= 0:
        raise UnsupportedLayer("running_var must be positive")
    return Applied(graph.Norm(running_mean, running_var, weight, bias, eps), (x,))


def _clamp(x: Node, min: Any = None, max: Any = None) -> Applied:
    low, high = (None if v is None else float(v) for v in (min, max))
    if low is not None and high is not None and low > high:
        raise UnsupportedLayer(f"its limits must ascend, not {low}, {high}")
    return Applied(graph.Activation(Clip(low, high)), (x,))


def _max_pool2d(
    x: Node,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Applied:
    kernel = _pair(kernel_size)
    stride = _pair(stride or kernel)
    if _pair(dilation) != (1, 1):
        raise UnsupportedLayer(f"dilation must be 1, not {dilation}")
    if return_indices:
        raise UnsupportedLayer("return_indices must be False")
    edges = _edges(padding)
    if ceil_mode:
        edges = _rounded_up(_maps(x)[1:], kernel, stride, edges)
    return Applied(graph.MaxPool(kernel, stride, edges), (x,))


def _rounded_up(size: Pair, kernel: Pair, stride: Pair, edges: Edges) -> Edges:
    """Pad, below and on the right, what rounding up lets windows reach over the edge."""
    ends = []
    for n, k, s, before, after in zip(size, kernel, stride, edges[::2], edges[1::2], strict=True):
        last = -(-(n + before + after - k) // s)  # index of the last window
        last -= last * s >= n + before  # it must begin on the picture
        ends.append(max(after, last * s + k - n - before))
    return edges[0], ends[0], edges[2], ends[1]


def _avg_pool2d(
    x: Node,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Applied:
    kernel = _pair(kernel_size)
    edges = _edges(padding)
    if ceil_mode:
        raise UnsupportedLayer("ceil_mode must be False")
    if any(edges) and not count_include_pad:
        raise UnsupportedLayer("count_include_pad must be True where padding is not 0")
    if divisor_override not in (None, kernel[0] * kernel[1]):
        raise UnsupportedLayer("divisor_override must be None")
    return Applied(graph.AvgPool(kernel, _pair(stride or kernel), edges), (x,))


def _adaptive(pool: Callable[[Pair, Pair], Operation]) -> Callable[..., Applied]:
    def read_pool(x: Node, output_size: Any, return_indices: bool = False) -> Applied:
        size = _maps(x)[1:]
        wanted = (output_size,) * 2 if not isinstance(output_size, Sequence) else output_size
        wanted = [n if w is None else w for n, w in zip(size, wanted, strict=True)]
        if return_indices or any(n % w for n, w in zip(size, wanted, strict=True)):
            raise UnsupportedLayer(f"its output {tuple(wanted)} must divide maps of {size}")
        kernel = (size[0] // wanted[0], size[1] // wanted[1])
        return Applied(pool(kernel, kernel), (x,))

    return read_pool


def _over_the_map(pool: Callable[[Pair, Pair], Operation]) -> Callable[..., Applied]:
    def read_pool(x: Node, dim: Any = None, keepdim: bool = False) -> Applied:
        _, height, width = _maps(x)
        axes = {d % 4 for d in ([dim] if isinstance(dim, int) else dim or (0,))}
        if not axes <= {2, 3} or (not keepdim and len(axes) < 2):
            raise UnsupportedLayer(f"must be over dimensions (2, 3) at once, not {dim}")
        kernel = (height if 2 in axes else 1, width if 3 in axes else 1)
        return Applied(pool(kernel, kernel), (x,))

    return read_pool


def _dropout(x: Node, p: float = 0.5, training: bool = True, inplace: bool = False) -> Node:
    if training and p:
        raise UnsupportedLayer("must be off in evaluation: pass training=self.training")
    return x


def _stochastic_depth(x: Node, p: float, mode: str, training: bool = True) -> Node:
    return _dropout(x, p, training)


def _same(x: Node, *_: Any, **__: Any) -> Node:
    return x


def _zeros(x: Node, *size: Any, **_: Any) -> torch.Tensor:
    sizes = size[0] if len(size) == 1 and isinstance(size[0], Sequence) else size
    return torch.zeros(*(sizes or (2, *x.shape)), dtype=torch.float64)


def _pad(
    x: Node, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Applied | Node:
    _maps(x)
    pad = tuple(pad)
    if mode != "constant" or value:
        raise UnsupportedLayer(f"must pad with zeros, not {value if value else mode!r}")
    if not any(pad):
        return x
    if min(pad) < 0 or any(pad[6:]):
        raise UnsupportedLayer(f"must add to rows, columns or channels, not {pad}")
    left, right, top, bottom, before, behind, *_ = (*pad, 0, 0, 0, 0)
    return Applied(graph.Pad((top, bottom, left, right), (before, behind)), (x,))


def _reshaped(x: Node, shape: tuple[int, ...]) -> Applied | Node:
    flat = torch.Size(x.shape).numel()
    if shape == (flat,):
        return x if x.shape == shape else Applied(graph.Flatten(), (x,))
    if tuple(n for n in shape if n > 1) == tuple(n for n in x.shape if n > 1) == shape[:1]:
        return x  # maps of one pixel, and axes without extent
    if shape == x.shape:
        return x
    raise UnsupportedLayer(f"must flatten maps (C, H, W), not make {shape} of {x.shape}")


def _only_adds_axes(index: Any) -> bool:
    items = index if isinstance(index, tuple) else (index,)
    return None in items and all(i in (None, ..., slice(None)) for i in items)


def _getitem(x: Node, index: Any) -> Applied | Node:
    items = list(index) if isinstance(index, tuple) else [index]
    if ... in items:
        at = items.index(...)
        items[at : at + 1] = [slice(None)] * (1 + len(x.shape) + 1 - len(items))
    items += [slice(None)] * (1 + len(x.shape) - len(items))
    sizes = (2, *x.shape)
    starts_at_first = all(
        isinstance(item, slice) and item.indices(n)[:2] == (0, n)
        for item, n in zip(items, sizes, strict=True)
    )
    steps = [item.step or 1 for item in items] if starts_at_first else [0]
    if steps[:2] != [1, 1]:
        raise UnsupportedLayer("must take every so many rows and columns from the first on")
    if steps == [1] * len(steps):
        return x
    return Applied(graph.Subsample((steps[2], steps[3])), (x,))


def _cat(tensors: Sequence[Any], dim: int = 0, axis: int | None = None) -> Applied | Node:
    maps = [t for t in tensors if isinstance(t, Node)]
    dim = dim if axis is None else axis
    if dim not in (1, -len(maps[0].shape)):
        raise UnsupportedLayer(f"must be along channels (dim 1), not dim {dim}")
    if len(maps) == len(tensors):
        return Applied(graph.Concat(), tuple(maps)) if len(maps) > 1 else maps[0]
    constants = [t for t in tensors if not isinstance(t, Node)]
    if len(maps) > 1 or any(torch.count_nonzero(t) for t in constants):
        raise UnsupportedLayer("must be of maps, or of one map and zeros")
    at = next(i for i, t in enumerate(tensors) if isinstance(t, Node))
    before = sum(t.shape[1] for t in tensors[:at])
    behind = sum(t.shape[1] for t in tensors[at + 1 :])
    return Applied(graph.Pad((0, 0, 0, 0), (before, behind)), (maps[0],))


def _add(x: Any, y: Any, alpha: float = 1) -> Applied:
    if not isinstance(x, Node) or not isinstance(y, Node):
        return _scale(x, y, lambda a, b: a + b * alpha)
    if x.shape != y.shape or alpha != 1:
        raise UnsupportedLayer(f"must add maps of one shape, not {x.shape} and {y.shape}")
    return Applied(graph.Add(), (x, y))


def _arithmetic(function: Callable[[Any, Any], Any], name: str) -> Callable[..., Any]:
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


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "adaptive_avg_pool2d": _adaptive(graph.AvgPool),
    "adaptive_max_pool2d": _adaptive(graph.MaxPool),
    "add": _add,
    "amax": _over_the_map(graph.MaxPool),
    "avg_pool2d": _avg_pool2d,
    "batch_norm": _batch_norm,
    "cat": _cat,
    "clamp": _clamp,
    "clamp_max": lambda x, max: _clamp(x, None, max),
    "clamp_min": lambda x, min: _clamp(x, min),
    "conv2d": _conv2d,
    "getitem": _getitem,
    "hardtanh": lambda x, min_val=-1.0, max_val=1.0, inplace=False: _clamp(x, min_val, max_val),
    "linear": _linear,
    "max_pool2d": _max_pool2d,
    "mean": _over_the_map(graph.AvgPool),
    "mul": _arithmetic(operator.mul, "mul"),
    "new_zeros": _zeros,
    "pad": _pad,
    "relu": lambda x, inplace=False: _clamp(x, 0),
    "relu6": lambda x, inplace=False: _clamp(x, 0, 6),
    "stochastic_depth": _stochastic_depth,
    "sub": _arithmetic(operator.sub, "sub"),
    "truediv": _arithmetic(operator.truediv, "truediv"),
    "zeros_like": lambda x, **_: _zeros(x),
}
_FUNCTIONS |= dict.fromkeys(("dropout", "dropout2d", "alpha_dropout", "feature_dropout"), _dropout)
_FUNCTIONS |= dict.fromkeys(
    ("clone", "contiguous", "cpu", "cuda", "detach", "double", "float", "to", "type"), _same
)


def _conv_module(m: nn.Conv2d, x: Node) -> Applied:
    if m.padding_mode != "zeros":
        raise UnsupportedLayer(f"padding_mode must be 'zeros', not {m.padding_mode!r}")
    return _conv2d(x, m.weight, m.bias, m.stride, m.padding, m.dilation, m.groups)


def _norm_module(m: Any, x: Node) -> Applied:
    return _batch_norm(x, m.running_mean, m.running_var, m.weight, m.bias, eps=m.eps)


def _max_module(m: nn.MaxPool2d, x: Node) -> Applied:
    args = (m.kernel_size, m.stride, m.padding, m.dilation, m.ceil_mode, m.return_indices)
    return _max_pool2d(x, *args)


def _avg_module(m: nn.AvgPool2d, x: Node) -> Applied:
    args = (m.kernel_size, m.stride, m.padding, m.ceil_mode, m.count_include_pad)
    return _avg_pool2d(x, *args, m.divisor_override)


_MODULES: dict[type[nn.Module], Callable[[Any, Any], Any]] = {
    nn.Conv2d: _conv_module,
    nn.Linear: lambda m, x: _linear(x, m.weight, m.bias),
    nn.BatchNorm2d: _norm_module,
    nn.BatchNorm1d: _norm_module,
    nn.ReLU: lambda m, x: _clamp(x, 0),
    nn.Hardtanh: lambda m, x: _clamp(x, m.min_val, m.max_val),  # ReLU6 is one
    nn.MaxPool2d: _max_module,
    nn.AvgPool2d: _avg_module,
    nn.AdaptiveAvgPool2d: lambda m, x: _adaptive(graph.AvgPool)(x, m.output_size),
    nn.AdaptiveMaxPool2d: lambda m, x: _adaptive(graph.MaxPool)(x, m.output_size, m.return_indices),
    nn.ZeroPad2d: lambda m, x: _pad(x, m.padding),
    nn.ConstantPad2d: lambda m, x: _pad(x, m.padding, value=m.value),
    nn.Identity: lambda m, x: x,
    dropout._DropoutNd: lambda m, x: x,
}
