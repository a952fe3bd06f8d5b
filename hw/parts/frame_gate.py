"""Frame gate: lets no frame begin while the weights are loaded, and says when none is inside."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.layers import Input
from hw.parts.axis import Axis, AxisInterface

MOST_FRAMES = 1023  # inside at a time; a further one waits


class FrameGate(wiring.Component):
    """Gate at the input of a pipeline; a frame that has begun is never held.

    Parameters
    ----------
    picture : Input
    outputs : int
        Streams on which every frame leaves.

    Members
    -------
    i : In(Axis)
        Pixels.
    o : Out(Axis)
        The same, in the same cycles.
    hold : In(1)
        No frame may begin.
    left : In
        For each output, a frame has left on it.
    empty : Out(1)
        No frame is inside.
    """

    i: AxisInterface
    o: AxisInterface
    hold: Signal
    left: Signal
    empty: Signal

    def __init__(self, picture: Input, outputs: int) -> None:
        self.picture, self.outputs = picture, outputs
        pixels = Axis(picture.shape[0], picture.bits)
        super().__init__(
            {
                "i": In(pixels),
                "o": Out(pixels),
                "hold": In(1),
                "left": In(outputs),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        _, height, width = self.picture.shape
        pixel, begins = Signal(range(height * width)), Signal()
        insides = [Signal(range(MOST_FRAMES + 1), name=f"inside_{k}") for k in range(self.outputs)]
        full = Cat(inside == MOST_FRAMES for inside in insides).any()
        open_, accept = Signal(), Signal()
        m.d.comb += [
            begins.eq(pixel == 0),
            open_.eq(~begins | ~(self.hold | full)),
            o.tdata.eq(i.tdata),
            o.tlast.eq(i.tlast),
            o.tvalid.eq(i.tvalid & open_),
            i.tready.eq(o.tready & open_),
            accept.eq(o.tvalid & o.tready),
            self.empty.eq(~Cat(insides).any()),
        ]
        with m.If(accept):
            m.d.sync += pixel.eq(Mux(pixel == height * width - 1, 0, pixel + 1))
        for inside, left in zip(insides, self.left, strict=True):
            m.d.sync += inside.eq(inside + (accept & begins) - left)
        return m
