"""Block RAM of an ECP5 with its output register: one port that writes, one that reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from amaranth import *

BYTES = 2048  # of 9 bits
_WORDS_PER_INIT = 16  # of two bytes, 20 bits apart


@dataclass(frozen=True)
class Form:
    """One of the shapes that a block RAM takes.

    Parameters
    ----------
    address_bits : int
    piece : int
        Bits that are written by one enable.
    pieces : int
        Pieces of a word.
    """

    address_bits: int
    piece: int
    pieces: int

    @staticmethod
    def of(depth: int) -> "Form | None":
        """Widest form that is so many words deep; None if there is none."""
        return next((form for form in FORMS if depth <= 1 << form.address_bits), None)

    def blocks(self, elements: int, bits: int) -> int:
        """Count the block RAMs of some elements side by side, each with an enable of its own."""
        return -(-elements * -(-bits // self.piece) // self.pieces)

    def place(self, address: int, piece: int) -> tuple[int, int]:
        """Byte in which a piece of a word lies, and its lowest bit there."""
        if self.piece == 9:
            return address * self.pieces + piece, 0
        byte, part = divmod(address, 8 // self.piece)  # parts do not reach the ninth bit
        return byte, part * self.piece


FORMS = (Form(9, 9, 4), Form(10, 9, 2), Form(11, 9, 1), Form(12, 4, 1), Form(13, 2, 1))
FORMS += (Form(14, 1, 1),)


@dataclass(frozen=True)
class Write:
    """Write port: an address, a word, and an enable for each of its elements."""

    address: Value
    word: Value
    enable: Value


def block_ram(
    m: Module,
    name: str,
    contents: Sequence[int],
    elements: int,
    bits: int,
    address: Value,
    write: Write | None = None,
) -> Value:
    """Build a memory, which must not be deeper than the last of `FORMS`.

    What is read in a cycle in which the same word is written is not defined.

    Parameters
    ----------
    m : Module
    name : str
    contents : sequence of int
        What each word holds at first.
    elements, bits : int
        Elements of a word, and bits of each.
    address : Value
        Word that is read.
    write : Write, optional
        If it is there, elements are written.

    Returns
    -------
    Value
        The word, two cycles after its address.
    """
    form = Form.of(len(contents))
    assert form is not None
    low = [
        (element * bits + at, min(form.piece, bits - at), element)
        for element in range(elements)
        for at in range(0, bits, form.piece)
    ]
    word = Signal(elements * bits, name=f"{name}_word")
    for block in range(0, len(low), form.pieces):
        pieces = low[block : block + form.pieces]
        pins = _pins(form, pieces, address, write)
        outs = _outputs(form)
        for number, (start, size, _) in enumerate(pieces):
            for k in range(size):
                pins[f"o_{outs[9 * number + k]}"] = word[start + k]
        ram = Instance(
            "PDPW16KD" if form.pieces == 4 else "DP16KD", **pins, **_inits(form, pieces, contents)
        )
        m.submodules[f"{name}_{block // form.pieces}"] = ram
    return word


def _outputs(form: Form) -> list[str]:
    """Pins of the bits of a word; of 36 bits the lower half leaves by the upper pins."""
    if form.pieces == 4:
        return [f"DO{(k + 18) % 36}" for k in range(36)]
    return [f"DOB{k}" for k in range(18)]


def _pins(
    form: Form, pieces: list[tuple[int, int, int]], address: Value, write: Write | None
) -> dict[str, object]:
    """Say what the inputs and the parameters of one block RAM are."""
    wide, clock = form.pieces == 4, ClockSignal()
    low = 14 - form.address_bits
    reads, writes = ("R", "W") if wide else ("B", "A")
    pins: dict[str, object] = {"i_CLKR" if wide else "i_CLKB": clock}
    pins |= {"i_CLKW" if wide else "i_CLKA": clock}
    pins |= {"p_REGMODE": "OUTREG"} if wide else {"p_REGMODE_A": "OUTREG", "p_REGMODE_B": "OUTREG"}
    width = form.piece * form.pieces
    pins |= {f"p_DATA_WIDTH_{port}": width for port in (reads, writes)} | {"p_GSR": "DISABLED"}
    pins |= {f"i_AD{reads}{k}": _bit(address, k - low) for k in range(14)}
    data = "DI" if wide else "DIA"
    enables: list[Value] = [Const(0)] * form.pieces
    where: Value = Const(0)
    if write is not None:
        where = write.address
        for number, (start, size, element) in enumerate(pieces):
            enables[number] = write.enable[element]
            pins |= {f"i_{data}{9 * number + k}": write.word[start + k] for k in range(size)}
    if wide:
        pins |= {f"i_ADW{k}": _bit(where, k) for k in range(9)}
        return pins | {f"i_BE{k}": enable for k, enable in enumerate(enables)}
    pins |= {f"i_ADA{k}": _bit(where, k - low) for k in range(14)}
    if form.pieces == 1:
        return pins | {"i_WEA": enables[0]}
    pins |= {f"i_ADA{k}": enable for k, enable in enumerate(enables)}
    return pins | {"i_WEA": Const(write is not None)}


def _bit(value: Value, k: int) -> Value:
    """Bit of a value; 0 where it has none."""
    return value[k] if 0 <= k < len(value) else Const(0, 1)


def _inits(
    form: Form, pieces: list[tuple[int, int, int]], contents: Sequence[int]
) -> dict[str, Const]:
    """Parameters that say what one block RAM holds at first; zero where none is given."""
    held = [0] * BYTES
    for address, word in enumerate(contents):
        for number, (start, size, _) in enumerate(pieces):
            byte, at = form.place(address, number)
            held[byte] |= ((word >> start) & ((1 << size) - 1)) << at
    found = {}
    for number in range(BYTES // 2 // _WORDS_PER_INIT):
        first = 2 * number * _WORDS_PER_INIT
        value = sum(
            (held[first + 2 * k] | held[first + 2 * k + 1] << 9) << 20 * k
            for k in range(_WORDS_PER_INIT)
        )
        if value:
            found[f"p_INITVAL_{number:02X}"] = Const(value, 320)
    return found
