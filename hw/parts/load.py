"""Load: the bus on which memories are written while no frame is inside."""

from collections.abc import Sequence

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import Out

from hw.contents import Contents

Write = tuple[Value, Value, Value]  # address, word, enable


class Load(wiring.Signature):
    """Writes to memories, as their loader sees it.

    Parameters
    ----------
    memories : sequence of Contents

    Members
    -------
    word : Out
        Its high bytes are those of the memory's word.
    address : Out
    write : Out
        One bit for each memory.
    """

    def __init__(self, memories: Sequence[Contents]) -> None:
        super().__init__(
            {
                "word": Out(8 * max(memory.size for memory in memories)),
                "address": Out(range(max(len(memory.words) for memory in memories))),
                "write": Out(len(memories)),
            }
        )

    def create(self, *, path=None, src_loc_at=0) -> "LoadInterface":
        return LoadInterface(self, path=path, src_loc_at=1 + src_loc_at)


class LoadInterface(wiring.PureInterface):
    """Signals of a `Load`."""

    word: Signal
    address: Signal
    write: Signal

    def port(self, index: int, memory: Contents) -> Write:
        """Address, word and enable of a memory's write port."""
        high = self.word[len(self.word) - 8 * memory.size :]
        return self.address, high[: memory.bits], self.write[index]


def pass_on(m: Module, load: LoadInterface, first: int, inner: LoadInterface) -> None:
    """Connect a bus of some memories to one of more, of which they are those from `first` on."""
    m.d.comb += [
        inner.word.eq(load.word[len(load.word) - len(inner.word) :]),
        inner.address.eq(load.address),
        inner.write.eq(load.write[first:]),
    ]
