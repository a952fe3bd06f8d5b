"""What a link between layers carries: pixels of a row, of one feature map in each stream."""

from dataclasses import dataclass

from hw.activation import Activation
from hw.columns import Columns


@dataclass(frozen=True)
class Link:
    """Beats of one layer's result.

    A beat has, for each of its `E` streams, the pixels of one feature map in the same column of
    every lane. Which map comes in which stream is known when the hardware is generated, so a
    consumer keeps a bank of its row buffer for every stream.

    Parameters
    ----------
    name : str
        The layer that sends.
    activation : Activation
        Format of the result.
    columns : Columns
        Columns of a row over the lanes of a beat.
    streams : tuple of tuple of int
        For each stream the channels that it carries, in their order; -1 in a beat in which it
        carries none. All are equally long: the beats of one column.
    """

    name: str
    activation: Activation
    columns: Columns
    streams: tuple[tuple[int, ...], ...]

    @staticmethod
    def of_one(name: str, activation: Activation, columns: Columns) -> "Link":
        """Link of one stream that carries all channels."""
        return Link(name, activation, columns, (tuple(range(activation.shape[0])),))

    @property
    def row_beats(self) -> int:
        """Beats of a row."""
        return len(self.streams[0]) * self.columns.block

    @property
    def beat_bits(self) -> int:
        """Bits of a beat: its pixels, and where they belong."""
        channel = (self.activation.shape[0] + self.gaps - 1).bit_length()
        places = len(self.streams) * channel + (self.columns.block - 1).bit_length()
        return self.pixel_bits + places

    @property
    def pixel_bits(self) -> int:
        """Bits of the pixels of a beat."""
        return len(self.streams) * self.columns.lanes * self.activation.bits

    @property
    def gaps(self) -> bool:
        """Whether there are beats in which a stream carries nothing."""
        return any(-1 in stream for stream in self.streams)
