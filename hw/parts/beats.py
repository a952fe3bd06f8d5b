"""What travels between layers: pixels of one row, which say where they belong."""

from amaranth import *
from amaranth.lib import data, stream

from hw.activation import Activation
from hw.link import Link


def element(activation: Activation) -> Shape:
    """Shape of one element of an activation."""
    return Shape(activation.bits, activation.signed)


def beat(link: Link) -> data.StructLayout:
    """One pixel per lane of a row, for each of the link's streams.

    ``maps[e].pixels[p]`` lies in channel ``maps[e].channel`` and column ``p * block + column``; a
    stream that carries nothing says so by a channel that there is not.
    """
    channels, lanes = link.activation.shape[0], link.columns.lanes
    pixels = data.ArrayLayout(element(link.activation), lanes)
    one = data.StructLayout({"channel": range(channels + link.gaps), "pixels": pixels})
    return data.StructLayout(
        {"column": range(link.columns.block), "maps": data.ArrayLayout(one, len(link.streams))}
    )


def beats(link: Link) -> stream.Signature:
    """Stream of beats; rows come in order, the beats of a row in any order."""
    return stream.Signature(beat(link))
