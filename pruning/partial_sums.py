"""Partial sums: a convolution of fixed maps whose kernels come and go, for many masks at once."""

from collections.abc import Sequence

import numpy as np
import torch

from pruning.graph import Convolution, Graph, Node
from pruning.reals import padded
from pruning.units import Units
from pruning.variants import Variant

ELEMENTS = 1 << 22  # of the partial sums that are made at a time; more fall out of the cache


class PartialSums:
    """What a convolution makes of every input map alone, from which each mask takes its sum.

    A matrix product with the masks adds up what survives: for every mask, a multiply-add for each
    kernel and pixel in place of one for each weight and pixel.

    Parameters
    ----------
    node : Node
        A convolution without groups.
    """

    def __init__(self, node: Node) -> None:
        assert isinstance(node.operation, Convolution)
        self.node, self.operation = node, node.operation
        kernels = self.operation.weight.shape[0] * self.operation.weight.shape[1]
        self.batch = max(1, ELEMENTS // (kernels * node.shape[1] * node.shape[2]))

    @staticmethod
    def of(tail: Graph, units: Sequence[Units]) -> "PartialSums | None":
        """Make them for the only convolution of a tail, if masks drop whole kernels of it."""
        layers = [node for node in tail.nodes if isinstance(node.operation, Convolution)]
        if len(layers) != 1 or layers[0].inputs[0].inputs:
            return None
        node = layers[0]
        for unit in units:
            labels = unit.labels.get(node.name)
            if labels is not None and (labels != labels[:, :, :1, :1]).any():
                return None
        groups = node.operation.groups if isinstance(node.operation, Convolution) else 1
        return PartialSums(node) if groups == 1 else None

    def results(self, x: torch.Tensor, variants: Sequence[Variant]) -> dict[bytes, torch.Tensor]:
        """Compute the convolution of all variants, by their keys: each (N, channels left, H, W).

        Parameters
        ----------
        x : (N, C, H, W)
            All channels that enter it.
        """
        name, op = self.node.name, self.operation
        survivors = [variant.survivors[name][:, :, 0, 0] for variant in variants]
        masks = torch.from_numpy(np.stack(survivors, 1)).to(x.dtype)  # (O, masks, C)
        outputs, inputs = op.weight.shape[:2]
        columns = self._columns(x)  # (C, Kh * Kw, N * H * W)
        sums = x.new_empty(outputs, inputs, columns.shape[2])
        weight = op.weight.flatten(2).transpose(0, 1)
        torch.bmm(weight, columns, out=sums.transpose(0, 1))
        made = x.new_empty(len(variants), outputs, columns.shape[2])
        torch.bmm(masks, sums, out=made.transpose(0, 1))
        if op.bias is not None:
            made += op.bias[:, None]
        maps = made.view(len(variants), outputs, len(x), *self.node.shape[1:]).transpose(1, 2)
        found = {}
        for variant, y in zip(variants, maps, strict=True):
            kept = variant.kept[name]
            found[variant.keys[name]] = y if len(kept) == outputs else y[:, torch.from_numpy(kept)]
        return found

    def _columns(self, x: torch.Tensor) -> torch.Tensor:
        """Copy what every tap of a kernel meets: (C, Kh * Kw, N * H * W)."""
        (down, across), (by_row, by_column) = self.operation.stride, self.operation.dilation
        rows, columns = self.operation.weight.shape[2:]
        _, height, width = self.node.shape
        x = padded(x.transpose(0, 1), self.operation.padding).contiguous()
        c, n, h, w = x.stride()
        shape = (len(x), rows, columns, x.shape[1], height, width)
        strides = (c, by_row * h, by_column * w, n, down * h, across * w)
        return x.as_strided(shape, strides).reshape(len(x), rows * columns, -1)


def maps_first(x: torch.Tensor) -> torch.Tensor:
    """Lay out maps (N, C, H, W) as the partial sums do: all pictures of a map together."""
    return x.transpose(0, 1).contiguous().transpose(0, 1)
