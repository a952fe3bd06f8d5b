"""Units that are finer than maps: kernels, and places in them."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from pruning import graph
from pruning.constraints import Constraints, first_layers, named, share_of
from pruning.coupling import makes
from pruning.graph import Graph, Node
from pruning.grids import grids, least_share
from pruning.units import Candidate, Units

Shape = tuple[int, int, int, int]
_SAME_SHAPE = (graph.Norm, graph.Scale, graph.Activation, graph.Dropout, graph.Concat)


def finer_units(found: Graph, granularity: str, constraints: Constraints) -> list[Candidate]:
    """Layers that can be pruned at a granularity of `FINER`.

    Raises
    ------
    ValueError
        If a layer is asked for whose kernels have nothing to prune; it is named.
    """
    nodes = _layers(found, granularity, constraints)
    return [_candidate(node, granularity, constraints) for node in nodes]


def _layers(found: Graph, granularity: str, constraints: Constraints) -> list[Node]:
    """Layers that are pruned by something finer than maps."""
    first, chosen = first_layers(found), []
    convolutional = any(isinstance(node.operation, graph.Convolution) for node in found.nodes)
    kind = graph.Convolution if convolutional else graph.Linear
    for node in found.nodes:
        if not makes(node) or named(node, constraints.protect):
            continue
        if constraints.layers:
            wanted = named(node, constraints.layers)
        else:
            wanted = isinstance(node.operation, kind) and node not in first
        _, _, rows, columns = kernels(node)
        if wanted and rows * columns == 1 and granularity in _WITHIN:
            if constraints.layers:
                raise ValueError(f"layer {node.place!r} has kernels of one weight: prune kernels")
            wanted = False
        if wanted:
            chosen.append(node)
    return chosen


def kernels(node: Node) -> Shape:
    """Shape (O, C // groups, Kh, Kw) of a layer's kernels; a linear one's are as large as its maps.

    Of what was flattened, that is.
    """
    weight = node.layer.weight
    if weight.ndim == 4:
        outputs, inputs, rows, columns = weight.shape
        return outputs, inputs, rows, columns
    source = node.inputs[0]
    while isinstance(source.operation, _SAME_SHAPE):
        source = source.inputs[0]
    flat = isinstance(source.operation, graph.Flatten)
    rows, columns = source.inputs[0].shape[1:] if flat else (1, 1)
    return weight.shape[0], weight.shape[1] // (rows * columns), rows, columns


def _candidate(node: Node, granularity: str, constraints: Constraints) -> Candidate:
    shape, weight, mask = kernels(node), node.layer.weight, node.layer.mask
    if granularity in SITES:
        sites = SITES[granularity](node, shape)
        left = weight if mask is None else weight * mask

        def strided(share: Fraction) -> Units:
            return grids(node, granularity, sites, left, share)

        return Candidate(node.name, strided, weight.numel(), least_share(shape[2] * shape[3]))
    labels, rows = LABELS[granularity](node, shape, constraints)
    labels = np.broadcast_to(labels, shape).reshape(weight.shape)
    living = labels if mask is None else labels[mask.numpy()]

    def made(share: Fraction) -> Units:
        return _units(node.name, granularity, labels, rows, living, share, constraints.multiple)

    return Candidate(node.name, made, len(rows))


def _units(
    name: str,
    granularity: str,
    labels: np.ndarray,
    rows: np.ndarray,
    living: np.ndarray,
    share: Fraction,
    multiple: int,
) -> Units:
    """Units of a layer; what earlier masks have pruned counts in the share, and competes no more.

    `living` are the units of the weights that are left.
    """
    keep = [share_of(count, share, multiple, name) for count in np.bincount(rows).tolist()]
    left = np.bincount(living.ravel(), minlength=len(rows)) > 0
    keep = np.minimum(keep, np.bincount(rows[left], minlength=len(keep)))
    labels = np.where(left, np.cumsum(left) - 1, -1)[labels]
    return Units(name, granularity, {name: labels}, rows[left], keep)


# What unit every weight (O, C // groups, Kh, Kw) is, and the row of every unit


def _blocks(
    node: Node, shape: Shape, constraints: Constraints, size: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Kernels, or those of `size` outputs that read the same maps; a row for each block."""
    outputs, inputs, _, _ = shape
    groups = _groups(node)
    each = outputs // groups
    blocks = -(-each // size)  # of a group
    block = np.arange(outputs) // each * blocks + np.arange(outputs) % each // size
    labels = (block[:, None] * inputs + np.arange(inputs))[:, :, None, None]
    rows = np.repeat(np.arange(groups * blocks), inputs)
    return labels, rows if constraints.balanced else np.zeros_like(rows)


def _kernel_groups(
    node: Node, shape: Shape, constraints: Constraints
) -> tuple[np.ndarray, np.ndarray]:
    return _blocks(node, shape, constraints, constraints.group)


def _columns(node: Node, shape: Shape, constraints: Constraints) -> tuple[np.ndarray, np.ndarray]:
    """Places of the window, the same for all outputs that read a map."""
    _, inputs, rows, columns = shape
    places = np.arange(rows * columns).reshape(rows, columns)
    labels = _map_read(node, shape)[:, :, None, None] * places.size + places
    return labels, np.zeros(_groups(node) * inputs * places.size, int)


def _weights(node: Node, shape: Shape, constraints: Constraints) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(np.prod(shape)).reshape(shape)
    return labels, np.zeros(labels.size, int)


LABELS: dict[str, Callable[..., tuple[np.ndarray, np.ndarray]]] = {
    "kernel": _blocks,
    "kernel-group": _kernel_groups,
    "column": _columns,
    "weight": _weights,
}


# Which grid every kernel (O, C // groups) has


def _map_read(node: Node, shape: Shape) -> np.ndarray:
    """Find the grid of the map that each reads."""
    outputs, inputs, _, _ = shape
    groups = _groups(node)
    return np.repeat(np.arange(groups * inputs).reshape(groups, inputs), outputs // groups, axis=0)


def _own(node: Node, shape: Shape) -> np.ndarray:
    """Give each a grid of its own."""
    return np.arange(shape[0] * shape[1]).reshape(shape[:2])


SITES: dict[str, Callable[[Node, Shape], np.ndarray]] = {
    "intra-kernel": _map_read,
    "intra-kernel-free": _own,
}
FINER = (*LABELS, *SITES)
_WITHIN = (*SITES, "column")  # kernels


def _groups(node: Node) -> int:
    return node.operation.groups if isinstance(node.operation, graph.Convolution) else 1
