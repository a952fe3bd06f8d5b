"""Calls that move windows over maps: convolutions, pooling, padding."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from pruning import graph
from pruning.graph import Node, Operation
from pruning.reals import Edges, Pair
from pruning.tracing.applied import Applied
from pruning.tracing.shapes import among_zeros
from pruning.unsupported import UnsupportedLayer


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


def conv2d(
    x: Node,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Applied:
    """Read `torch.nn.functional.conv2d`."""
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


def max_pool2d(
    x: Node,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Applied:
    """Read `torch.nn.functional.max_pool2d`."""
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


def avg_pool2d(
    x: Node,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Applied:
    """Read `torch.nn.functional.avg_pool2d`."""
    kernel = _pair(kernel_size)
    edges = _edges(padding)
    if ceil_mode:
        raise UnsupportedLayer("ceil_mode must be False")
    if any(edges) and not count_include_pad:
        raise UnsupportedLayer("count_include_pad must be True where padding is not 0")
    if divisor_override not in (None, kernel[0] * kernel[1]):
        raise UnsupportedLayer("divisor_override must be None")
    return Applied(graph.AvgPool(kernel, _pair(stride or kernel), edges), (x,))


def adaptive(pool: Callable[[Pair, Pair], Operation]) -> Callable[..., Applied]:
    """Read pooling to a size, which must divide that of the maps."""

    def read_pool(x: Node, output_size: Any, return_indices: bool = False) -> Applied:
        size = _maps(x)[1:]
        wanted = (output_size,) * 2 if not isinstance(output_size, Sequence) else output_size
        wanted = [n if w is None else w for n, w in zip(size, wanted, strict=True)]
        if return_indices or any(n % w for n, w in zip(size, wanted, strict=True)):
            raise UnsupportedLayer(f"its output {tuple(wanted)} must divide maps of {size}")
        kernel = (size[0] // wanted[0], size[1] // wanted[1])
        return Applied(pool(kernel, kernel), (x,))

    return read_pool


def over_the_map(pool: Callable[[Pair, Pair], Operation]) -> Callable[..., Applied]:
    """Read a reduction over rows and columns."""

    def read_pool(x: Node, dim: Any = None, keepdim: bool = False) -> Applied:
        _, height, width = _maps(x)
        axes = {d % 4 for d in ([dim] if isinstance(dim, int) else dim or (0,))}
        if not axes <= {2, 3} or (not keepdim and len(axes) < 2):
            raise UnsupportedLayer(f"must be over dimensions (2, 3) at once, not {dim}")
        kernel = (height if 2 in axes else 1, width if 3 in axes else 1)
        return Applied(pool(kernel, kernel), (x,))

    return read_pool


def pad(
    x: Node, pad: Sequence[int], mode: str = "constant", value: float | None = None
) -> Applied | Node:
    """Read `torch.nn.functional.pad`."""
    _maps(x)
    pad = tuple(pad)
    if mode != "constant" or value:
        raise UnsupportedLayer(f"must pad with zeros, not {value if value else mode!r}")
    if not any(pad):
        return x
    if min(pad) < 0 or any(pad[6:]):
        raise UnsupportedLayer(f"must add to rows, columns or channels, not {pad}")
    left, right, top, bottom, before, behind, *_ = (*pad, 0, 0, 0, 0)
    channels = among_zeros(x, before, behind)
    return Applied(graph.Pad((top, bottom, left, right), channels), (x,))
