"""A graph as a torch module: it computes, learns and is saved with the keys of the model's own."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from pruning import graph
from pruning.graph import STATISTICS, Graph, Node
from pruning.processes import batch_norm
from pruning.reals import padded
from pruning.unsupported import UnsupportedLayer


class GraphModule(nn.Module):
    """Computes the outputs of a graph, a tensor if there is one of them, else a tuple.

    Weights, biases and running statistics have the keys that they have in the model's state dict,
    so that either's loads into the other; masks hold in the forward pass and in the gradient.

    Parameters
    ----------
    found : Graph
        Its tensors are copied, real ones as float32.

    Raises
    ------
    UnsupportedLayer
        If a weight is no parameter, so that it cannot be trained, a normalisation averages over
        all batches, or a module has a name of `GraphModule`'s own; its place is named.
    """

    def __init__(self, found: Graph) -> None:
        super().__init__()
        self.structure = found.with_tensors(lambda node, name: node.tensors[name].to("meta"))
        for node in found.nodes:
            if isinstance(node.operation, graph.Norm) and node.operation.momentum is None:
                raise UnsupportedLayer(f"layer {node.place!r}: momentum must be a number")
            for name, tensor in node.tensors.items():
                self._register(node, name, tensor.detach().clone())
        self.train(False)

    def _register(self, node: Node, name: str, tensor: torch.Tensor) -> None:
        path, _, last = node.key(name).rpartition(".")
        owner: nn.Module = self
        for part in filter(None, path.split(".")):
            if part not in dict(owner.named_children()):
                _check_free(owner, part, node)
                owner.add_module(part, nn.Module())
            owner = owner.get_submodule(part)
        own = (owner.named_parameters(recurse=False), owner.named_buffers(recurse=False))
        if any(last in dict(each) for each in own):  # shared with another layer
            return
        _check_free(owner, last, node)
        real = tensor.is_floating_point()
        tensor = tensor.float() if real else tensor
        if name in node.parameters and name not in STATISTICS:
            owner.register_parameter(last, nn.Parameter(tensor))
        elif name == "weight" and isinstance(node.operation, graph.Convolution | graph.Linear):
            raise UnsupportedLayer(f"layer {node.place!r}: its weight must be a parameter")
        else:
            owner.register_buffer(last, tensor)

    @property
    def graph(self) -> Graph:
        """The graph with copies of the tensors as they are now."""
        tensors = self.tensors()
        return self.structure.with_tensors(
            lambda node, name: tensors[node.key(name)].detach().clone()
        )

    def tensors(self) -> dict[str, torch.Tensor]:
        """Parameters and buffers by key."""
        return dict(self.named_parameters()) | dict(self.named_buffers())

    def forward(self, x: torch.Tensor) -> Any:
        """Compute the outputs of normalised pictures (N, C, H, W)."""
        first, outputs = self.structure.nodes[0], self.structure.outputs
        found = compute(
            self.structure.nodes[1:], {first: x}, outputs, self.tensors(), self.training
        )
        results = tuple(found[node] for node in outputs)
        return results[0] if len(results) == 1 else results


def _check_free(owner: nn.Module, name: str, node: Node) -> None:
    """Raise an UnsupportedLayer if a module has something else of a name."""
    if hasattr(type(owner), name) or name in vars(owner) or name in dict(owner.named_children()):
        raise UnsupportedLayer(f"layer {node.place!r}: {name!r} in its path must have another name")


def compute(
    nodes: Iterable[Node],
    known: Mapping[Node, torch.Tensor],
    wanted: Iterable[Node],
    tensors: Mapping[str, torch.Tensor],
    training: bool = False,
) -> dict[Node, torch.Tensor]:
    """Compute results of nodes; those that no later one takes are dropped on the way.

    Where no gradient is asked for, activations and sums take the place of what they are made of.

    Parameters
    ----------
    nodes : sequence of Node
        In topological order.
    known : dict of Node to (N, ...) tensor
        Results that the nodes take and do not make.
    wanted : sequence of Node
        What to return.
    tensors : dict of str to tensor
        By the keys of the nodes.
    """
    nodes, wanted, results = list(nodes), set(wanted), dict(known)
    readers = Counter(source for node in nodes for source in node.inputs)
    last = {source: at for at, node in enumerate(nodes) for source in node.inputs}
    for at, node in enumerate(nodes):
        inputs = [results[source] for source in node.inputs]
        own = {name: tensors[node.key(name)] for name in node.tensors}
        spare = not torch.is_grad_enabled() and any(
            source not in wanted and source not in known and readers[source] == 1
            for source in node.inputs[:1]
            if isinstance(source.operation, _NEW)
        )
        y = _result(node.operation, own, inputs, training, spare)
        if y.ndim != len(node.shape) + 1:  # maps of one pixel with axes, or without
            y = y.reshape(len(y), *node.shape)
        results[node] = y
        for source in set(node.inputs):
            if last[source] == at and source not in wanted:
                del results[source]
    return {node: results[node] for node in wanted}


_NEW = graph.Convolution | graph.Linear | graph.Norm | graph.Add  # results that are no views


def _result(
    op: graph.Operation,
    own: dict[str, torch.Tensor],
    inputs: list[torch.Tensor],
    training: bool,
    spare: bool,
) -> torch.Tensor:
    """Compute an operation, whose tensors are `own`; if `spare`, in place of the first input."""
    inputs = _alike(inputs)
    x = inputs[0]
    match op:
        case graph.Convolution():
            inner, outer = _symmetric(op.padding)
            x = padded(x, outer)
            args = (own.get("bias"), op.stride, inner, op.dilation, op.groups)
            return functional.conv2d(x, _masked(own), *args)
        case graph.Linear():
            return functional.linear(x.flatten(1), _masked(own), own.get("bias"))
        case graph.Norm():
            args = (own["mean"], own["variance"], own.get("weight"), own.get("bias"), training)
            assert op.momentum is not None  # refused when the module was made
            return batch_norm(x, *args, op.momentum, op.epsilon)
        case graph.Scale():
            shape = (-1, *[1] * (x.ndim - 2))
            return x * own["gain"].view(shape) + own["offset"].view(shape)
        case graph.Activation(clip):
            return functional.relu(x, inplace=spare) if clip == (0, None) else clip(x)
        case graph.MaxPool(kernel, stride, padding):
            return functional.max_pool2d(padded(x, padding, -torch.inf), kernel, stride)
        case graph.AvgPool(kernel, _, (0, 0, 0, 0)) if kernel == x.shape[2:]:
            return x.mean((2, 3), keepdim=True)  # far faster than pooling
        case graph.AvgPool(kernel, stride, padding):
            return functional.avg_pool2d(padded(x, padding), kernel, stride)
        case graph.Dropout(rate, maps):
            return (functional.dropout2d if maps else functional.dropout)(x, rate, training)
        case graph.Pad(edges, channels):
            x = padded(x, edges)
            return _spread(x, channels) if channels else x
        case graph.Subsample((down, across)):
            return x[:, :, ::down, ::across]
        case graph.Add():
            return inputs[0].add_(inputs[1]) if spare else inputs[0] + inputs[1]
        case graph.Concat():
            return torch.cat(inputs, 1)
        case graph.Flatten():
            return x.flatten(1)
    raise AssertionError(f"{type(op).__name__} is the picture")


def _spread(x: torch.Tensor, channels: tuple[int, ...]) -> torch.Tensor:
    """Take channels of maps, -1 for zeros."""
    before = next((at for at, channel in enumerate(channels) if channel >= 0), 0)
    after = len(channels) - before - x.shape[1]
    if channels == (*[-1] * before, *range(x.shape[1]), *[-1] * after):
        return functional.pad(x, (0, 0, 0, 0, before, after))
    return take(functional.pad(x, (0, 0, 0, 0, 0, 1)), channels)  # -1 is the last one


def take(x: torch.Tensor, channels: Sequence[int]) -> torch.Tensor:
    """Take some channels of maps (N, C, H, W), which stay laid out as they are, or (N, F)."""
    at = torch.as_tensor(channels)
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        rows = x.permute(0, 2, 3, 1).flatten(0, 2).index_select(1, at)
        return rows.view(len(x), *x.shape[2:], len(at)).permute(0, 3, 1, 2)
    return x[:, at]


def _alike(inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    """Give maps of one pixel their axes if others have them: a graph does not tell (C,) apart."""
    if len({x.ndim for x in inputs}) == 1:
        return inputs
    return [x if x.ndim == 4 else x[:, :, None, None] for x in inputs]


def _masked(own: dict[str, torch.Tensor]) -> torch.Tensor:
    return own["weight"] * own["mask"] if "mask" in own else own["weight"]


def _symmetric(padding: graph.Edges) -> tuple[graph.Pair, graph.Edges]:
    """Divide padding into what a convolution adds itself, and the rest."""
    top, bottom, left, right = padding
    if top == bottom and left == right:
        return (top, left), (0, 0, 0, 0)
    return (0, 0), padding
