"""AXI4-Stream: its signature, and how elements lie in a beat."""

from amaranth import Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


def payload_bits(elements: int, bits: int) -> int:
    """Width of ``tdata`` for a beat of some elements, padded to whole bytes."""
    return -(-elements * bits // 8) * 8


class Axis(wiring.Signature):
    """AXI4-Stream of frames, as its source sees it.

    Parameters
    ----------
    elements, bits : int
        A beat holds so many elements of so many bits, low bits first.

    Members
    -------
    tdata : Out
        The beat, padded to whole bytes.
    tvalid, tlast : Out(1)
    tready : In(1)
    """

    def __init__(self, elements: int, bits: int) -> None:
        width = payload_bits(elements, bits)
        super().__init__({"tdata": Out(width), "tvalid": Out(1), "tready": In(1), "tlast": Out(1)})

    def create(self, *, path=None, src_loc_at=0) -> "AxisInterface":
        return AxisInterface(self, path=path, src_loc_at=1 + src_loc_at)


class AxisInterface(wiring.PureInterface):
    """Signals of an `Axis`."""

    tdata: Signal
    tvalid: Signal
    tready: Signal
    tlast: Signal
