"""What travels between layers: pixels of one row and channel, which say where they belong."""

from amaranth import *
from amaranth.lib import data, stream

from hw.columns import Columns
from hw.layers import Activation


def element(activation: Activation) -> Shape:
    """Shape of one element of an activation."""
    return Shape(activation.bits, activation.signed)


def beat(activation: Activation, columns: Columns) -> data.StructLayout:
    """One pixel per lane of a row: `pixels[p]` lies in column ``p * columns.block + column``."""
    return data.StructLayout(
        {
            "channel": range(activation.shape[0]),
            "column": range(columns.block),
            "pixels": data.ArrayLayout(element(activation), columns.lanes),
        }
    )


def beats(activation: Activation, columns: Columns) -> stream.Signature:
    """Stream of beats; rows come in order, the beats of a row in any order."""
    return stream.Signature(beat(activation, columns))
