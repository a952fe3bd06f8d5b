"""Lowering: from the operations of a graph to the layers of a network of real numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from pruning import graph
from pruning.chain import UnsupportedLayer
from pruning.data import Pixels
from pruning.graph import Graph, Node
from pruning.reals import (
    Clip,
    Edges,
    Pair,
    RealAdd,
    RealAvgPool,
    RealConcat,
    RealConv,
    RealLayer,
    RealMaxPool,
    RealNetwork,
)
from pruning.trace import identifier

Shape = tuple[int, int, int]
NO_EDGES = (0, 0, 0, 0)


@dataclass(frozen=True)
class _Maps:
    """Part of a layer's result: subsampled, its channels chosen (-1: zeros), then padded.

    The layer behind takes what it can of that as it is; `Lowering` makes a layer of the rest.
    """

    layer: str
    shape: Shape  # of the layer's result
    stride: Pair = (1, 1)
    channels: tuple[int, ...] = ()  # empty: all
    padding: Edges = NO_EDGES

    @property
    def part(self) -> Shape:
        """Shape of the part."""
        (channels, height, width), (down, across) = self.shape, self.stride
        top, bottom, left, right = self.padding
        rows, columns = -(-height // down) + top + bottom, -(-width // across) + left + right
        return (len(self.channels) or channels, rows, columns)

    @property
    def plain(self) -> bool:
        """Whether it is all of the layer's result."""
        return self == _Maps(self.layer, self.shape)


class Lowering:
    """Makes layers of a graph's nodes, in their order.

    Parameters
    ----------
    found : Graph
    masks : dict of str to bool array
        Surviving weights by the path of their module, in the shape of its weight.
    granularity : str
        What the masks prune.
    """

    def __init__(self, found: Graph, masks: Mapping[str, np.ndarray], granularity: str) -> None:
        self.graph, self.granularity = found, granularity
        self.masks = {f"{place}.weight": mask for place, mask in masks.items()}
        self.layers: dict[str, RealLayer] = {}
        self.maps: dict[Node, _Maps] = {}
        self.names = {node.name for node in found.nodes}

    def network(self, pixels: Pixels) -> RealNetwork:
        """Make the network, whose layers are in the order of the nodes."""
        for node in self.graph.nodes:
            self.maps[node] = self._lower(node)
        outputs = (self._plain(node).layer for node in self.graph.outputs)
        outputs = tuple(dict.fromkeys(outputs))
        return RealNetwork(pixels, tuple(self.layers.values()), outputs)

    def _lower(self, node: Node) -> _Maps:
        match node.operation:
            case graph.Picture():
                channels, height, width = node.shape
                return _Maps(node.name, (channels, height, width))
            case graph.Convolution() as convolution:
                return self._conv(node, convolution)
            case graph.Linear(weight, bias):
                weight = weight.reshape(-1, *self._padded(node.inputs[0]).part)
                return self._conv(node, graph.Convolution(weight, bias))
            case graph.Norm() | graph.Scale() as operation:
                return self._affine(node, *operation.affine)
            case graph.Activation(clip):
                return self._activation(node, clip)
            case graph.MaxPool() | graph.AvgPool() as pool:
                return self._pool(node, pool)
            case graph.Pad(edges, channels):
                return self._pad(node.inputs[0], edges, channels)
            case graph.Subsample(stride):
                return self._subsample(node.inputs[0], stride)
            case graph.Add():
                return self._add(node)
            case graph.Concat():
                return self._concat(node)
            case graph.Flatten():
                return self.maps[node.inputs[0]]

    def _keep(self, layer: RealLayer, shape: Shape) -> _Maps:
        self.layers[layer.name] = layer
        return _Maps(layer.name, shape)

    # Layers with weights

    def _conv(self, node: Node, op: graph.Convolution) -> _Maps:
        maps = self._padded(node.inputs[0])
        weight = op.weight.numpy()
        mask = self.masks.get(node.parameters.get("weight", ""))
        layer = RealConv(
            node.name,
            maps.layer,
            weight,
            np.zeros(len(weight)) if op.bias is None else op.bias.numpy(),
            op.stride,
            _sum(maps.padding, op.padding),
            op.dilation,
            op.groups,
            mask=None if mask is None else mask.reshape(weight.shape),
            granularity="dense" if mask is None else self.granularity,
            place=node.place,
        )
        return self._keep(layer, _three(node.shape))

    def _affine(self, node: Node, gain: torch.Tensor, offset: torch.Tensor) -> _Maps:
        """Fold a factor and an addend into the convolution before, or make one of them."""
        source = node.inputs[0]
        before = self._own_layer(source)
        if isinstance(before, RealConv) and before.clip == Clip() and self._all_channels(source):
            weight = before.weight * gain.numpy()[:, None, None, None]
            bias = before.bias * gain.numpy() + offset.numpy()
            self.layers[before.name] = replace(before, weight=weight, bias=bias)
            return self.maps[source]
        maps = self._plain(source)
        if not self._all_channels(source):
            raise UnsupportedLayer(
                f"layer {node.place!r} must scale channels, but {maps.shape} has been flattened "
                "before it; move it in front"
            )
        return self._pointwise(node, maps, gain.numpy(), offset.numpy())

    def _all_channels(self, source: Node) -> bool:
        """Whether what is one number for each element of `source` is one for each channel."""
        return len(source.shape) == 3 or self.maps[source].part[1:] == (1, 1)

    def _pointwise(
        self, node: Node, maps: _Maps, gain: np.ndarray, offset: np.ndarray, clip: Clip = Clip()
    ) -> _Maps:
        """Make a depthwise 1x1 convolution."""
        weight = gain[:, None, None, None]
        args = (node.name, maps.layer, weight, offset)
        layer = RealConv(*args, groups=len(gain), clip=clip, place=node.place)
        return self._keep(layer, maps.shape)

    # Activations

    def _activation(self, node: Node, clip: Clip) -> _Maps:
        source = node.inputs[0]
        if (owners := self._owners(source)) is not None:
            for layer in owners:
                both = replace(layer, clip=_then(layer.clip, clip))
                self.layers[layer.name] = both
            return self.maps[source]
        maps = self._plain(source)
        channels = maps.shape[0]
        return self._pointwise(node, maps, np.ones(channels), np.zeros(channels), clip)

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

    def _pool(self, node: Node, pool: graph.MaxPool | graph.AvgPool) -> _Maps:
        if pool.kernel == (1, 1) and pool.padding == NO_EDGES:
            return self._subsample(node.inputs[0], pool.stride)
        if isinstance(pool, graph.AvgPool):
            maps, kind = self._padded(node.inputs[0]), RealAvgPool
        else:  # zeros around its maps would count
            maps, kind = self._plain(node.inputs[0]), RealMaxPool
        padding = _sum(maps.padding, pool.padding)
        layer = kind(node.name, maps.layer, pool.kernel, pool.stride, padding, place=node.place)
        return self._keep(layer, _three(node.shape))

    def _add(self, node: Node) -> _Maps:
        a, b = (self.maps[source] for source in node.inputs)
        if a.part != b.part:
            raise UnsupportedLayer(
                f"layer {node.place!r} must add maps of one shape, but {a.part} and {b.part} "
                "have been flattened before it"
            )
        first, second = node.inputs if b.padding == NO_EDGES and not b.plain else node.inputs[::-1]
        if self.maps[second].plain or self.maps[second].padding != NO_EDGES:
            first, second = node.inputs
            self._plain(second)
        a, b = self._plain(first), self.maps[second]
        args = ((a.layer, b.layer), Clip(), b.stride, b.channels, node.place)
        return self._keep(RealAdd(node.name, *args), a.shape)

    def _concat(self, node: Node) -> _Maps:
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

    def _pad(self, source: Node, edges: Edges, channels: Pair) -> _Maps:
        maps = self.maps[source]
        if any(channels):
            before, behind = ((-1,) * n for n in channels)
            taken = maps.channels or tuple(range(maps.shape[0]))
            maps = replace(maps, channels=(*before, *taken, *behind))
        return replace(maps, padding=_sum(maps.padding, edges))

    def _subsample(self, source: Node, stride: Pair) -> _Maps:
        maps = self.maps[source]
        if maps.padding != NO_EDGES:
            maps = self._plain(source)
        down, across = maps.stride
        return replace(maps, stride=(down * stride[0], across * stride[1]))

    def _padded(self, node: Node) -> _Maps:
        """Make a node's maps a layer's result, but for zeros around it."""
        maps = self.maps[node]
        if maps == replace(_Maps(maps.layer, maps.shape), padding=maps.padding):
            return maps
        return self._plain(node)

    def _plain(self, node: Node) -> _Maps:
        """Make a node's maps a layer's result: that of a kernel with one tap, if they are a part.

        A kernel of ``top + bottom + 1`` rows that has only tap ``bottom`` moves rows down, and its
        padding is less than the kernel, as hardware wants it.
        """
        maps = self.maps[node]
        if maps.plain:
            return maps
        top, bottom, left, right = maps.padding
        kernel = (top + bottom + 1, left + right + 1)
        if maps.stride != (1, 1) and maps.padding != NO_EDGES:
            raise UnsupportedLayer(f"layer {node.place!r} must not pad maps that it subsamples")
        taken = np.array(maps.channels or range(maps.shape[0]))
        depthwise = not maps.channels
        weight = np.zeros((len(taken), 1 if depthwise else maps.shape[0], *kernel))
        rows = np.flatnonzero(taken >= 0)
        weight[rows, 0 if depthwise else taken[rows], bottom, right] = 1
        layer = RealConv(
            identifier(
                node.name if self.maps[node].layer != node.name else f"{node.name}_part", self.names
            ),
            maps.layer,
            weight,
            np.zeros(len(taken)),
            maps.stride,
            (top + bottom, top + bottom, left + right, left + right),
            groups=len(taken) if depthwise else 1,
            mask=weight != 0,
            granularity="weight",
            place=node.place,
        )
        self.maps[node] = self._keep(layer, maps.part)
        return self.maps[node]


def _then(first: Clip, second: Clip) -> Clip:
    """Limit numbers twice, in one."""
    limits = (second(torch.tensor(v)).item() for v in (first.low, first.high) if v is not None)
    low = second.low if first.low is None else next(limits)
    high = second.high if first.high is None else next(limits)
    return Clip(low, high)


def _sum(a: Edges, b: Edges) -> Edges:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])


def _three(shape: tuple[int, ...]) -> Shape:
    channels, height, width = (*shape, 1, 1)[:3]
    return channels, height, width
