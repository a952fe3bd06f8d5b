"""Read-only memories in hardware: bits that vary are stored, the others are constants."""

from amaranth import *
from amaranth.lib.memory import Memory

from hw.rom import Rom


def look_up(m: Module, name: str, rom: Rom, address: Value) -> dict[str, Value]:
    """Look a word up: its fields, in this cycle."""
    if not rom.width:
        return _fields(rom, Const(0, 0))
    m.submodules[name] = memory = Memory(shape=rom.width, depth=len(rom), init=rom.words)
    port = memory.read_port(domain="comb")
    m.d.comb += port.addr.eq(address)
    return _fields(rom, port.data)


def sequence(m: Module, name: str, rom: Rom, advance: Value) -> dict[str, Value]:
    """Read word after word, around and around: the first from the second cycle after a reset on.

    Parameters
    ----------
    advance : Value
        The next word is to be there in the next cycle.
    """
    primed, ahead = Signal(name=f"{name}_primed"), Signal(range(len(rom)), name=f"{name}_ahead")
    step = Signal(name=f"{name}_step")
    m.d.comb += step.eq(advance | ~primed)
    m.d.sync += primed.eq(1)
    with m.If(step):
        m.d.sync += ahead.eq(Mux(ahead == len(rom) - 1, 0, ahead + 1))
    return read(m, name, rom, ahead, step)


def read(m: Module, name: str, rom: Rom, address: Value, enable: Value) -> dict[str, Value]:
    """Read a word: its fields, from the next cycle on."""
    if not rom.width:
        return _fields(rom, Const(0, 0))
    m.submodules[name] = memory = Memory(shape=rom.width, depth=len(rom), init=rom.words)
    port = memory.read_port()
    m.d.comb += [port.addr.eq(address), port.en.eq(enable)]
    return _fields(rom, port.data)


def _fields(rom: Rom, word: Value) -> dict[str, Value]:
    """Fields of a word as it is stored."""

    def bit(field: str, place: int, source: int | None) -> Value:
        return Const(int(rom.fields[field][0]) >> place & 1, 1) if source is None else word[source]

    return {
        field: Cat(bit(field, place, source) for place, source in enumerate(sources))
        for field, sources in rom.sources.items()
    }
