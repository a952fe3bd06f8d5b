"""Lowering: from the operations of a graph to the layers of a network of real numbers."""

from dataclasses import replace

import numpy as np
import torch

from pruning import graph
from pruning.data import Pixels
from pruning.graph import Graph, Node
from pruning.parts import NO_EDGES, Part, Shape, summed
from pruning.real_network import RealNetwork
from pruning.reals import (
    NO_CLIP,
    Clip,
    Edges,
    Pair,
    RealAdd,
    RealAvgPool,
    RealConcat,
    RealConv,
    RealLayer,
    RealMaxPool,
)
from pruning.unsupported import UnsupportedLayer


class Lowering:
    """Makes layers of a graph's nodes, in their order.

    Parameters
    ----------
    found : Graph
    """

    def __init__(self, found: Graph) -> None:
        self.graph = found.with_tensors(_precise)
        self.layers: dict[str, RealLayer] = {}
        self.maps: dict[Node, Part] = {}

    def network(self, pixels: Pixels) -> RealNetwork:
        """Make the network, whose layers are in the order of the nodes."""
        for node in self.graph.nodes:
            self.maps[node] = self._lower(node)
        outputs = (self._plain(node).layer for node in self.graph.outputs)
        outputs = tuple(dict.fromkeys(outputs))
        return RealNetwork(pixels, tuple(self.layers.values()), outputs)

    def _lower(self, node: Node) -> Part:
        match node.operation:
            case graph.Picture():
                channels, height, width = node.shape
                return Part(node.name, (channels, height, width))
            case graph.Convolution() as convolution:
                return self._conv(node, convolution)
            case graph.Linear() as linear:
                shape = (-1, *self.maps[node.inputs[0]].shape)
                convolution = graph.Convolution(
                    linear.weight.reshape(shape),
                    linear.bias,
                    mask=None if linear.mask is None else linear.mask.reshape(shape),
                    channels=linear.channels,
                    granularity=linear.granularity,
                )
                return self._conv(node, convolution)
            case graph.Norm() | graph.Scale() as operation:
                return self._affine(node, *operation.affine)
            case graph.Activation(clip):
                return self._activation(node, clip)
            case graph.MaxPool() | graph.AvgPool() as pool:
                return self._pool(node, pool)
            case graph.Pad(edges, channels):
                return self._pad(node, edges, channels)
            case graph.Subsample(stride):
                return self._subsample(node.inputs[0], stride)
            case graph.Add():
                return self._add(node)
            case graph.Concat():
                return self._concat(node)
            case graph.Flatten() | graph.Dropout():
                return self.maps[node.inputs[0]]

    def _keep(self, layer: RealLayer, shape: Shape) -> Part:
        self.layers[layer.name] = layer
        return Part(layer.name, shape)

    # Layers with weights

    def _conv(self, node: Node, op: graph.Convolution) -> Part:
        weight = op.weight.numpy()
        extent = [d * (k - 1) + 1 for d, k in zip(op.dilation, weight.shape[2:], strict=True)]
        maps = self._padded(node.inputs[0], op.padding, (extent[0], extent[1]))
        if op.mask is not None:
            weight = weight * op.mask.numpy()
        layer = RealConv(
            node.name,
            maps.layer,
            weight,
            np.zeros(len(weight)) if op.bias is None else op.bias.numpy(),
            op.stride,
            maps.padding,
            op.dilation,
            op.groups,
            mask=None if op.mask is None else op.mask.numpy(),
            channels=op.channels,
            granularity=op.granularity,
            place=node.place,
        )
        return self._keep(layer, _three(node.shape))

    def _affine(self, node: Node, gain: torch.Tensor, offset: torch.Tensor) -> Part:
        """Fold a factor and an addend into the convolution before, or make one of them."""
        source = node.inputs[0]
        maps = self._plain(source)
        factor, addend = (_each_channel(node, v.numpy(), maps.shape) for v in (gain, offset))
        before = self._own_layer(source)
        if not isinstance(before, RealConv) or before.clip != NO_CLIP:
            return self._pointwise(node, maps, factor, addend, NO_CLIP)
        weight = before.weight * factor[:, None, None, None]
        bias = before.bias * factor + addend
        self.layers[before.name] = replace(before, weight=weight, bias=bias)
        return maps

    def _pointwise(
        self, node: Node, maps: Part, factor: np.ndarray, addend: np.ndarray, clip: Clip
    ) -> Part:
        """Make a depthwise 1x1 convolution."""
        weight = factor[:, None, None, None]
        args = (node.name, maps.layer, weight, addend)
        layer = RealConv(*args, groups=len(factor), clip=clip, place=node.place)
        return self._keep(layer, maps.shape)

    # Activations

    def _activation(self, node: Node, clip: Clip) -> Part:
        source = node.inputs[0]
        maps = self._plain(source)
        owners = self._owners(source)
        if owners is None:
            channels = maps.shape[0]
            return self._pointwise(node, maps, np.ones(channels), np.zeros(channels), clip)
        for layer in owners:
            self.layers[layer.name] = replace(layer, clip=_then(layer.clip, clip))
        return maps

    def _own_layer(self, node: Node) -> RealLayer | None:
        """Layer whose result one operation sees, and nothing else: it may be changed for it."""
        if not self.graph.feeds_one(node) or not self.maps[node].plain:
            return None
        name = self.maps[node].layer
        sources = [source for source in node.inputs if self.maps[source].layer == name]
        if sources:  # this operation made no layer
            return self._own_layer(sources[0])
        return self.layers.get(name)  # the picture is none

    def _owners(self, node: Node) -> list[RealConv | RealAvgPool | RealAdd] | None:
        """Layers that, limited alike, limit what one operation sees; None if there are none."""
        layer = self._own_layer(node)
        if isinstance(layer, RealConv | RealAvgPool | RealAdd):
            return [layer]
        if not isinstance(layer, RealMaxPool | RealConcat):
            return None
        while self.maps[node.inputs[0]].layer == layer.name:
            node = node.inputs[0]  # the operation that made the layer
        owners = []
        for source, name in zip(node.inputs, layer.inputs, strict=True):
            found = self._owners(source) if self.maps[source].layer == name else None
            if found is None:
                return None
            owners += found
        return owners

    # Layers without weights

    def _pool(self, node: Node, pool: graph.MaxPool | graph.AvgPool) -> Part:
        source = node.inputs[0]
        if pool.kernel == (1, 1) and pool.padding == NO_EDGES:
            return self._subsample(source, pool.stride)
        if isinstance(pool, graph.MaxPool) and not self._nonnegative(self.maps[source].layer):
            self._plain(source)  # zeros around its maps count
        maps = self._padded(source, pool.padding, pool.kernel)
        kind = RealMaxPool if isinstance(pool, graph.MaxPool) else RealAvgPool
        args = (node.name, maps.layer, pool.kernel, pool.stride, maps.padding)
        return self._keep(kind(*args, place=node.place), _three(node.shape))

    def _nonnegative(self, name: str) -> bool:
        """Whether a layer produces nothing below zero, so that a maximum may leave zeros out."""
        match self.layers.get(name):
            case RealConv(clip=clip) | RealAvgPool(clip=clip) | RealAdd(clip=clip):
                return clip.low is not None and clip.low >= 0
            case RealMaxPool() | RealConcat() as layer:
                return all(self._nonnegative(source) for source in layer.inputs)
        return False

    def _add(self, node: Node) -> Part:
        first, second = node.inputs
        if self.maps[second].plain:  # the other one may be a part
            first, second = (first, second) if self.maps[first].plain else (second, first)
        a, b = self._plain(first), self.maps[second]
        b = b if b.padding == NO_EDGES else self._plain(second)
        if a.shape != b.shape:
            raise UnsupportedLayer(
                f"layer {node.place!r} must add maps of one shape, but {a.shape} and {b.shape} "
                "have been flattened before it"
            )
        layer = RealAdd(node.name, (a.layer, b.layer), NO_CLIP, b.stride, b.channels, node.place)
        return self._keep(layer, a.shape)

    def _concat(self, node: Node) -> Part:
        maps = [self._plain(source) for source in node.inputs]
        sizes = {m.shape[1:] for m in maps}
        if len(sizes) > 1:
            raise UnsupportedLayer(
                f"layer {node.place!r} must join maps of one size, but {sorted(sizes)} have been "
                "flattened before it"
            )
        layer = RealConcat(node.name, tuple(m.layer for m in maps), node.place)
        return self._keep(layer, (sum(m.shape[0] for m in maps), *maps[0].shape[1:]))

    # Parts of maps

    def _pad(self, node: Node, edges: Edges, channels: tuple[int, ...]) -> Part:
        maps = self.maps[node.inputs[0]]
        if channels and len(node.shape) == 1 and maps.shape[1:] != (1, 1):
            raise UnsupportedLayer(
                f"layer {node.place!r} must add zeros to whole maps, but maps {maps.shape} have "
                "been flattened before it"
            )
        if channels:
            taken = maps.channels or range(maps.shape[0])
            channels = tuple(-1 if channel < 0 else taken[channel] for channel in channels)
            maps = replace(maps, channels=channels)
        return replace(maps, padding=summed(maps.padding, edges))

    def _subsample(self, source: Node, stride: Pair) -> Part:
        maps = self.maps[source]
        if maps.padding != NO_EDGES:
            maps = self._plain(source)
        down, across = maps.stride
        return replace(maps, stride=(down * stride[0], across * stride[1]))

    def _padded(self, node: Node, padding: Edges, extent: Pair) -> Part:
        """Make a node's maps a layer's result with zeros around it, less than a kernel's extent.

        Parameters
        ----------
        padding : (top, bottom, left, right)
            What the kernel's own layer adds.
        """
        maps = self.maps[node]
        both = summed(maps.padding, padding)
        fits = max(both[:2]) < extent[0] and max(both[2:]) < extent[1]
        if not fits or maps.stride != (1, 1) or maps.channels:
            maps, both = self._plain(node), padding
        return replace(maps, padding=both)

    def _plain(self, node: Node) -> Part:
        """Make a node's maps all of a layer's result."""
        maps = self.maps[node]
        if not maps.plain:
            self.maps[node] = self._keep(maps.convolution(node.name, node.place), maps.shape)
        return self.maps[node]


def _precise(node: Node, name: str) -> torch.Tensor:
    tensor = node.tensors[name]
    return tensor.double() if tensor.is_floating_point() else tensor


def _then(first: Clip, second: Clip) -> Clip:
    """Limit numbers twice, in one."""

    def limited(value: float | None, otherwise: float | None) -> float | None:
        if value is None:
            return otherwise
        return second(torch.tensor(value, dtype=torch.float64)).item()

    return Clip(limited(first.low, second.low), limited(first.high, second.high))


def _each_channel(node: Node, values: np.ndarray, shape: Shape) -> np.ndarray:
    """Find one number for each channel among those for every channel or flattened element."""
    values = values.reshape(shape[0], -1)
    if (values != values[:, :1]).any():
        raise UnsupportedLayer(
            f"layer {node.place!r} must scale whole channels, but maps {shape} have been flattened "
            "before it; move it in front, or average over the maps"
        )
    return values[:, 0]


def _three(shape: tuple[int, ...]) -> Shape:
    channels, height, width = (*shape, 1, 1)[:3]
    return channels, height, width
