"""Sliding windows as ONNX describes them: kernels, strides, padding, and the sizes that follow."""

from dataclasses import dataclass

from hw.onnx.file import Node
from hw.onnx.values import NO_PADDING, Edges, Map, Sum

Pair = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """A window, all of whose axes are (vertical, horizontal).

    Parameters
    ----------
    kernel, stride, dilation : (vertical, horizontal)
    padding : (top, bottom, left, right)
        All that is around the map.
    size : (rows, columns)
        Of the result.
    """

    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Edges
    size: Pair


def window(node: Node, source: Map | Sum, kernel: Pair) -> Window:
    """Work out the window of a convolution or pooling.

    Raises
    ------
    UnsupportedNode
        If it has not two axes, or does not fit into the map.
    """
    node.check(not source.flat, "must take a map (N, C, H, W), not a vector")
    node.check(min(kernel) >= 1, f"must have a kernel of positive sizes, not {kernel}")
    stride, dilation = (pair(node, key) for key in ("strides", "dilations"))
    node.check(min(*stride, *dilation) >= 1, "must have positive strides and dilations")
    around = source.padding if isinstance(source, Map) else NO_PADDING
    own = _padding(node, source.shape[1:], kernel, stride, dilation)
    padding, size = [], []
    for axis, pixels in enumerate(source.shape[1:]):
        before, after = (around[2 * axis + k] + own[2 * axis + k] for k in (0, 1))
        extent = dilation[axis] * (kernel[axis] - 1) + 1
        room = pixels + before + after - extent
        node.check(room >= 0, f"must have a kernel that fits {source.shape[1:]}, not {kernel}")
        if node.attributes.get("ceil_mode", 0):
            missing = -room % stride[axis]
            # A window that would begin behind the picture is none.
            if missing and room + missing < pixels + before:
                after, room = after + missing, room + missing
        padding += [before, after]
        size.append(room // stride[axis] + 1)
    top, bottom, left, right = padding
    return Window(kernel, stride, dilation, (top, bottom, left, right), (size[0], size[1]))


def pair(node: Node, name: str, default: Pair = (1, 1)) -> Pair:
    """Attribute that is two numbers, vertical and horizontal."""
    vertical, horizontal = node.numbers(name, default)
    return vertical, horizontal


def _padding(
    node: Node, size: tuple[int, ...], kernel: Pair, stride: Pair, dilation: Pair
) -> Edges:
    """Work out the padding of the operator itself."""
    auto = node.attributes.get("auto_pad", "NOTSET")
    if auto == "NOTSET":
        top, left, bottom, right = node.numbers("pads", NO_PADDING)
        node.check(min(top, left, bottom, right) >= 0, "must have no negative padding")
        return top, bottom, left, right
    if auto == "VALID":
        return NO_PADDING
    node.check(auto in ("SAME_UPPER", "SAME_LOWER"), f"has an unknown auto_pad {auto!r}")
    edges = []
    for axis, pixels in enumerate(size):
        extent = dilation[axis] * (kernel[axis] - 1) + 1
        missing = max(0, (-(-pixels // stride[axis]) - 1) * stride[axis] + extent - pixels)
        less, more = missing // 2, missing - missing // 2
        edges += [less, more] if auto == "SAME_UPPER" else [more, less]
    return edges[0], edges[1], edges[2], edges[3]
