"""Fork: offers each beat to several consumers."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Fork(wiring.Component):
    """Fork of a stream; each consumer takes a beat when it can, the last one lets it go.

    Parameters
    ----------
    signature : stream.Signature
    consumers : int

    Members
    -------
    i : In(signature)
    o : Out(signature), consumers times
    """

    i: stream.Interface
    o: list[stream.Interface]

    def __init__(self, signature: stream.Signature, consumers: int) -> None:
        self.consumers = consumers
        super().__init__({"i": In(signature), "o": Out(signature).array(consumers)})

    def elaborate(self, platform):
        m = Module()
        taken = Signal(self.consumers)  # consumers that have this beat
        done = Signal(self.consumers)
        m.d.comb += self.i.ready.eq(done.all())
        for index, o in enumerate(self.o):
            m.d.comb += [
                o.payload.eq(self.i.payload),
                o.valid.eq(self.i.valid & ~taken[index]),
                done[index].eq(taken[index] | o.ready),
            ]
        with m.If(self.i.valid):
            m.d.sync += taken.eq(Mux(self.i.ready, 0, done))
        return m
