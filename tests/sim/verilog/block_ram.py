"""What a block RAM of an ECP5 does, by its documentation, bit by bit."""

from collections.abc import Iterator

import numpy as np

from tests.sim.verilog.pins import Cell, Pins, steps

INITVALS = [f"INITVAL_{k:02X}" for k in range(64)]


class Memory:
    """Block RAM as 18,432 bits, of which some may be unknown, and two ports."""

    def __init__(self, initial: int) -> None:
        words = [initial >> 20 * n & 0x3FFFF for n in range(1024)]
        self.bits = np.array([word >> k & 1 for word in words for k in range(18)])
        self.known = np.ones_like(self.bits, bool)

    @staticmethod
    def place(width: int, address: int) -> np.ndarray:
        """Bits of a port's word."""
        if width < 9:
            return 9 * (address >> 3) + (address & 8 - width) + np.arange(width)
        return width * (address >> {9: 3, 18: 4, 36: 5}[width]) + np.arange(width)

    def write(self, places: np.ndarray, values: np.ndarray, known: np.ndarray) -> None:
        self.bits[places], self.known[places] = values, known


class Port:
    """A port of a block RAM: what it does in a step, and its registers."""

    def __init__(self, width: int, mode: str, registered: bool, at_once: bool) -> None:
        self.width, self.mode, self.registered, self.at_once = width, mode, registered, at_once
        self.latch = self.register = self.nothing(width)

    @staticmethod
    def nothing(width: int) -> tuple[np.ndarray, np.ndarray]:
        """Make zeros, all known."""
        return np.zeros(width, int), np.ones(width, bool)

    def begin(self, now: dict[str, int]) -> None:
        """Take the pins of a step: CLK rises, on, OCE, RST, WE, address, data, enabled bits."""
        self.now = now
        self.place = Memory.place(self.width, now["AD"])
        self.writes = (
            now["rises"] and now["on"] and now["WE"] and not (now["RST"] and not self.at_once)
        )
        self.enabled = np.array([now["enables"] >> k // 9 & 1 for k in range(self.width)], bool)
        if not self.writes:
            self.enabled[:] = False
        self.written = set((self.place[self.enabled] // 9).tolist())
        self.data = np.array([now["DI"] >> k & 1 for k in range(self.width)])

    def read(self, memory: Memory, other: "Port") -> None:
        """Move the registers, from what the memory holds before anything is written."""
        now = self.now
        if now["RST"] and (now["rises"] or self.at_once):
            self.latch = self.register = self.nothing(self.width)
        elif now["rises"]:
            if now["OCE"]:
                self.register = self.latch
            bits, known = memory.bits[self.place], memory.known[self.place]
            if self.writes and self.mode == "WRITETHROUGH":
                bits, known = np.where(self.enabled, self.data, bits), known | self.enabled
            if np.isin(self.place, other.place[other.enabled]).any():
                known = np.zeros_like(known)
            if now["on"] and not (now["WE"] and self.mode == "NORMAL"):
                self.latch = bits, known

    def write(self, memory: Memory, other: "Port") -> None:
        clash = np.isin(self.place // 9, sorted(self.written & other.written))
        places = self.place[self.enabled]
        memory.write(places, self.data[self.enabled], ~clash[self.enabled])
        # A byte that both write is lost as a whole.
        for byte in self.written & other.written:
            memory.known[9 * byte : 9 * byte + 9] = False

    def wide(self, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Return what comes out, and which of it is known, with zeros above."""
        values, known = self.register if self.registered else self.latch
        more = self.nothing(width - self.width)
        return np.concatenate([values, more[0]]), np.concatenate([known, more[1]])


def run_ram(cell: Cell, pins: Pins) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the 36 bits that come out after each step, and which of them are known."""
    has = cell.parameters
    memory = Memory(sum(has.get(name, 0) << 320 * k for k, name in enumerate(INITVALS)))
    pseudo = has["DATA_WIDTH_A"] == 36
    ports = {
        port: Port(
            has[f"DATA_WIDTH_{port}"],
            has.get(f"WRITEMODE_{port}", "NORMAL"),
            has.get(f"REGMODE_{port}") == "OUTREG",
            has.get("RESETMODE") == "ASYNC",
        )
        for port in "AB"
    }
    for now in steps(pins):
        for name, port in ports.items():
            selected = not (now[f"CS{name}0"] or now[f"CS{name}1"] or now[f"CS{name}2"])
            taken = {pin: now[pin + name] for pin in ("OCE", "RST", "WE", "AD", "DI")}
            taken |= {"rises": now[f"+CLK{name}"], "on": now[f"CE{name}"] and selected}
            taken["enables"] = {36: now[f"AD{name}"] & 15, 18: now[f"AD{name}"] & 3}.get(
                port.width, 1
            )
            if pseudo and name == "A":
                taken |= {"WE": 1, "RST": 0, "DI": now["DIA"] | now["DIB"] << 18}
            elif pseudo:
                taken["WE"] = 0
            port.begin(taken)
        a, b = ports.values()
        a.read(memory, b)
        b.read(memory, a)
        a.write(memory, b)
        b.write(memory, a)
        if not pseudo:
            halves = (a.wide(18), b.wide(18))
        elif b.width == 36:
            halves = (b.wide(36),)
        else:
            halves = (Port.nothing(18), b.wide(18))
        values, known = (np.concatenate(both) for both in zip(*halves, strict=True))
        yield values, known
