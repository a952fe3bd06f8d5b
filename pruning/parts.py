"""Parts of maps: what padding and subsampling leave of a layer's result."""

from dataclasses import dataclass

import numpy as np

from pruning.reals import Edges, Pair, RealConv

Shape = tuple[int, int, int]
NO_EDGES = (0, 0, 0, 0)


@dataclass(frozen=True)
class Part:
    """Part of a layer's result: subsampled, its channels chosen, then padded with zeros.

    Parameters
    ----------
    layer : str
        Name of the layer.
    whole : (C, H, W)
        Shape of its result.
    stride : (vertical, horizontal)
        Every so many rows and columns are there.
    channels : tuple of int, or empty
        Channel of the result that every channel is, -1 for zeros; empty for all of them.
    padding : (top, bottom, left, right)
    """

    layer: str
    whole: Shape
    stride: Pair = (1, 1)
    channels: tuple[int, ...] = ()
    padding: Edges = NO_EDGES

    @property
    def shape(self) -> Shape:
        """Shape of the part."""
        (channels, height, width), (down, across) = self.whole, self.stride
        top, bottom, left, right = self.padding
        rows, columns = -(-height // down) + top + bottom, -(-width // across) + left + right
        return (len(self.channels) or channels, rows, columns)

    @property
    def plain(self) -> bool:
        """Whether it is all of the layer's result."""
        return self == Part(self.layer, self.whole)

    def convolution(self, name: str, place: str) -> RealConv:
        """Make the convolution that computes the part; one tap of every kernel survives.

        Padding is that of the kernel's extent less one on all sides, as hardware wants it: with
        stride ``s``, a kernel of ``(top + bottom) * s + 1`` rows whose tap is in row ``bottom * s``
        moves maps down by ``top``.
        """
        top, bottom, left, right = self.padding
        down, across = self.stride
        rows, columns = (top + bottom) * down, (left + right) * across
        channels = np.array(self.channels or range(self.whole[0]))
        outputs = np.flatnonzero(channels >= 0)
        inputs = self.whole[0] if self.channels else 1
        weight = np.zeros((len(channels), inputs, rows + 1, columns + 1))
        sources = channels[outputs] if self.channels else 0
        weight[outputs, sources, bottom * down, right * across] = 1
        return RealConv(
            name,
            self.layer,
            weight,
            np.zeros(len(channels)),
            self.stride,
            (rows, rows, columns, columns),
            groups=1 if self.channels else len(channels),
            mask=weight != 0,
            granularity="weight",
            place=place,
        )


def summed(a: Edges, b: Edges) -> Edges:
    """Pad twice, in one."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])
