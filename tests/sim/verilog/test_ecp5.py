"""Models of the cells of an ECP5 against what their documentation says of them."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.sim.verilog.block_ram import INITVALS, run_ram
from tests.sim.verilog.pins import Cell, Pins, drive, steps

CYCLES = 1500
STEPS = 2 * CYCLES  # the clock is low in even ones
CLOCKS = ("CLK", "CK", "WCK")
PARTS = "INPUTA", "INPUTB", "PIPELINE", "OUTPUT"


def multiplier(registers: dict[str, str], **parameters) -> Cell:
    """Make a multiplier whose registers have clocks, enables and resets of these numbers."""
    named = {
        f"REG_{part}_{pin}": f"{pin}{number}"
        for part, numbers in registers.items()
        for pin, number in zip(("CLK", "CE", "RST"), numbers, strict=True)
    }
    controls = [f"{pin}{k}" for pin in ("CLK", "CE", "RST") for k in range(4)]
    inputs = {"A": 18, "B": 18, "SIGNEDA": 1, "SIGNEDB": 1, **dict.fromkeys(controls, 1)}
    return Cell("MULT18X18D", named | parameters, inputs, {"P": 36})


MULTIPLIERS = {
    "bare": multiplier({}),
    "all": multiplier(dict.fromkeys(PARTS, "000")),
    "each its own": multiplier(dict(zip(PARTS, ("012", "123", "230", "301"), strict=True))),
    "inputs": multiplier({"INPUTA": "000", "INPUTB": "111"}),
    "output, reset at once": multiplier({"OUTPUT": "000"}, RESETMODE="ASYNC"),
}
for held, reset in (("enables open", ("RST1", "RST2")), ("resets open", ())):
    MULTIPLIERS[held] = Cell(
        "MULT18X18D",
        {
            **{"REG_INPUTA_CLK": "CLK0", "REG_INPUTA_RST": "RST2"},
            **{"REG_PIPELINE_CLK": "CLK1", "REG_PIPELINE_RST": "RST1"},
        },
        dict.fromkeys(("SIGNEDA", "SIGNEDB", "CLK0", "CLK1", *reset), 1) | {"A": 18, "B": 18},
        {"P": 36},
    )


def block_ram(width_a: int, width_b: int, seed: int, **parameters) -> Cell:
    """Make a block RAM with random initial values."""
    rng = np.random.default_rng(seed)
    initial = {name: int.from_bytes(rng.bytes(40), "little") for name in INITVALS}
    inputs = {}
    for port in "AB":
        inputs |= {f"DI{port}": 18, f"AD{port}": 14}
        pins = ("CLK", "CE", "OCE", "WE", "RST", "CS0", "CS1", "CS2")
        inputs |= {
            f"{pin[:2]}{port}{pin[2:]}" if "CS" in pin else f"{pin}{port}": 1 for pin in pins
        }
    widths = {"DATA_WIDTH_A": width_a, "DATA_WIDTH_B": width_b}
    return Cell("DP16KD", widths | parameters | initial, inputs, {"DOA": 18, "DOB": 18})


RAMS = {
    "18 18": block_ram(18, 18, 1),
    "9 9 through": block_ram(9, 9, 2, WRITEMODE_A="WRITETHROUGH", WRITEMODE_B="WRITETHROUGH"),
    "18 9 before": block_ram(18, 9, 3, WRITEMODE_A="READBEFOREWRITE", REGMODE_B="OUTREG"),
    "4 18": block_ram(4, 18, 4, REGMODE_A="OUTREG", WRITEMODE_B="WRITETHROUGH"),
    "1 2": block_ram(1, 2, 5, WRITEMODE_B="READBEFOREWRITE"),
    "2 4 at once": block_ram(2, 4, 6, RESETMODE="ASYNC", REGMODE_B="OUTREG"),
    "36 36": block_ram(36, 36, 7),
    "36 36 registered": block_ram(36, 36, 8, REGMODE_B="OUTREG"),
    "36 18": block_ram(36, 18, 9),
    "36 9": block_ram(36, 9, 10),
}
HALVES = Cell(
    "PDPW16KD",
    {"REGMODE": "OUTREG", "INITVAL_00": 0},
    {
        **{"DI": 36, "ADW": 9, "BE": 4, "CLKW": 1, "CEW": 1, "CSW0": 1},
        **{"ADR": 14, "CLKR": 1, "CER": 1, "OCER": 1, "RST": 1, "CSR2": 1},
    },
    {"DO": 36},
)
QUARTER = Cell(
    "PDPW16KD",
    {"DATA_WIDTH_R": 9, "INITVAL_3F": (1 << 320) - 1},
    {"DI": 36, "ADW": 9, "BE": 4, "CLKW": 1, "ADR": 14, "CLKR": 1},
    {"DO": 36},
)


def flip_flop(**parameters: str) -> Cell:
    return Cell(
        "TRELLIS_FF", parameters, dict.fromkeys(("CLK", "CE", "LSR", "DI", "M"), 1), {"Q": 1}
    )


SMALL = {
    "table": Cell("LUT4", {"INIT": 0xB2E4}, dict.fromkeys("ABCD", 1), {"Z": 1}),
    "two tables": Cell("PFUMX", {}, dict.fromkeys(("ALUT", "BLUT", "C0"), 1), {"Z": 1}),
    "four tables": Cell("L6MUX21", {}, dict.fromkeys(("D0", "D1", "SD"), 1), {"Z": 1}),
    **{
        f"carry {first} {second}": Cell(
            "CCU2C",
            {"INIT0": 0x96AA, "INIT1": 0x5AF6, "INJECT1_0": first, "INJECT1_1": second},
            dict.fromkeys(("CIN", *(f"{pin}{k}" for k in (0, 1) for pin in "ABCD")), 1),
            dict.fromkeys(("S0", "S1", "COUT"), 1),
        )
        for first in ("YES", "NO")
        for second in ("YES", "NO")
    },
    "flip-flop": flip_flop(CEMUX="CE"),
    "flip-flop, always": flip_flop(CEMUX="1", REGSET="SET"),
    "flip-flop, never": flip_flop(CEMUX="0", LSRMUX="INV"),
    "flip-flop, at once": flip_flop(CEMUX="INV", SRMODE="ASYNC", REGSET="SET"),
    "flip-flop, falling": flip_flop(CEMUX="CE", CLKMUX="INV", SRMODE="LSR_OVER_CE"),
    "flip-flop, loaded": flip_flop(CEMUX="CE", LSRMODE="PRLD"),
    **{
        f"memory {clock} {enable}": Cell(
            "TRELLIS_DPR16X4",
            {"INITVAL": 0xFEDCBA9876543210, "WCKMUX": clock, "WREMUX": enable},
            {"DI": 4, "WAD": 4, "RAD": 4, "WRE": 1, "WCK": 1},
            {"DO": 4},
            vectors=True,
        )
        for clock, enable in (("WCK", "WRE"), ("INV", "INV"), ("WCK", "1"), ("WCK", "0"))
    },
}
CELLS = MULTIPLIERS | RAMS | {"halves": HALVES, "quarter": QUARTER} | SMALL


def draw(cell: Cell, rng: np.random.Generator) -> Pins:
    """Draw what each pin is in every cycle, as far as edges do not meet changes of others."""
    pins = {}
    for field, width in cell.inputs.items():
        values = rng.integers(0, 1 << width, CYCLES)
        if field.startswith(("AD", "A")) and width == 14:
            values = (values & 0x1FF) | rng.choice([0, 0x2A00, 0x3E00], CYCLES)  # ports meet often
        if field == "ADW":
            values = (values & 0xF) | rng.choice([0, 0x150, 0x1F0], CYCLES)
        if field.startswith(("RST", "CS", "LSR")):
            values = (rng.random(CYCLES) < 0.08).astype(np.int64)
        if field.startswith(("CE", "OCE")) and cell.module != "TRELLIS_FF":
            values = (rng.random(CYCLES) < 0.85).astype(np.int64)
        pins[field] = np.repeat(values, 2)
        if field.startswith(CLOCKS):
            pins[field] = np.arange(STEPS) % 2
        if field in ("CLK1", "CLK3"):  # a clock of its own
            pins[field] = np.arange(STEPS) // 2 % 3 // 2 * (np.arange(STEPS) % 2)
    return pins


@pytest.fixture(scope="module")
def driven(tmp_path_factory) -> dict[str, tuple[Pins, Pins]]:
    """Pins of every cell, which are all in one model."""
    rng = np.random.default_rng(0)
    stimuli = [draw(cell, rng) for cell in CELLS.values()]
    found = drive(list(CELLS.values()), stimuli, tmp_path_factory.mktemp("cells"))
    return dict(zip(CELLS, zip(stimuli, found, strict=True), strict=True))


def signed(value: int, sign: int, width: int = 18) -> int:
    return value - (1 << width) if sign and value >> (width - 1) else value


class Register:
    """Register of a multiplier, or a wire."""

    def __init__(self, cell: Cell, part: str) -> None:
        self.clock, self.enable, self.reset = (
            cell.parameters.get(f"REG_{part}_{pin}", default)
            for pin, default in (("CLK", "NONE"), ("CE", "CE0"), ("RST", "RST0"))
        )
        self.at_once = cell.parameters.get("RESETMODE") == "ASYNC"
        self.held = 0, 0

    def passes(self, value: tuple[int, int]) -> tuple[int, int]:
        return value if self.clock == "NONE" else self.held

    def tick(self, now: dict[str, int], value: tuple[int, int]) -> None:
        if self.clock == "NONE":
            return
        rises, cleared = now[f"+{self.clock}"], now.get(self.reset, 1)
        if cleared and (rises or self.at_once):
            self.held = 0, 0
        elif rises and now.get(self.enable, 1):
            self.held = value


def multiply(cell: Cell, pins: Pins) -> list[int]:
    """Product after each step."""
    a, b, piped, out = (Register(cell, part) for part in PARTS)
    products = []

    def product() -> tuple[int, int]:
        return signed(*a.passes(from_a)) * signed(*b.passes(from_b)) % (1 << 36), 0

    for now in steps(pins):
        from_a, from_b = (now["A"], now["SIGNEDA"]), (now["B"], now["SIGNEDB"])
        # The last register first: each takes what the one before it held until now.
        out.tick(now, piped.passes(product()))
        piped.tick(now, product())
        a.tick(now, from_a)
        b.tick(now, from_b)
        products.append(out.passes(piped.passes(product()))[0])
    return products


@pytest.mark.rtl
@pytest.mark.parametrize("name", MULTIPLIERS)
def test_product(driven, name) -> None:
    pins, found = driven[name]
    expected = multiply(CELLS[name], pins)
    assert len(set(expected)) > 100 or (name == "resets open" and not any(expected))
    np.testing.assert_array_equal(found["P"], expected)


@pytest.mark.rtl
@pytest.mark.parametrize("name", RAMS)
def test_block_ram(driven, name) -> None:
    pins, found = driven[name]
    compare(run_ram(CELLS[name], pins), found["DOA"] | found["DOB"] << 18)


PSEUDO = {"halves": HALVES, "quarter": QUARTER}


@pytest.mark.rtl
@pytest.mark.parametrize("name", PSEUDO)
def test_block_ram_of_a_port_each(driven, name) -> None:
    pins, found = driven[name]
    cell, never, always = CELLS[name], np.zeros(STEPS, int), np.ones(STEPS, int)
    width, mode = cell.parameters.get("DATA_WIDTH_R", 36), cell.parameters.get("REGMODE", "NOREG")
    twin = {"DATA_WIDTH_A": 36, "DATA_WIDTH_B": width, "REGMODE_B": mode}
    twin |= {key: value for key, value in cell.parameters.items() if key in INITVALS}
    common = {"ADA": pins["ADW"] << 5 | pins["BE"], "ADB": pins["ADR"], "RSTA": never, "WEA": never}
    common |= {"DIA": pins["DI"] & 0x3FFFF, "DIB": pins["DI"] >> 18, "WEB": never, "OCEA": always}
    for write, read in (("A", "W"), ("B", "R")):
        common |= {f"CLK{write}": pins[f"CLK{read}"], f"CE{write}": pins.get(f"CE{read}", always)}
        common |= {f"CS{write}{k}": pins.get(f"CS{read}{k}", never) for k in range(3)}
    common |= {"OCEB": pins.get("OCER", always), "RSTB": pins.get("RST", never)}
    # Of 36 bits, the upper half comes out below.
    low, high = found["DO"] & 0x3FFFF, found["DO"] >> 18
    words = high | low << 18
    compare(run_ram(Cell("DP16KD", twin, {}, {}), common), words)


def compare(expected, words: np.ndarray) -> None:
    """Check the bits that are known; those that are not must look as if."""
    values, known = (np.array(each) for each in zip(*expected, strict=True))
    bits = words[:, None] >> np.arange(36) & 1
    np.testing.assert_array_equal(bits[known], values[known])
    assert known[:, values.any(axis=0)].mean() > 0.3
    if not known.all():
        assert 0.2 < (bits[~known] != values[~known]).mean() < 0.8


def lookup(table: int, *address: int) -> int:
    """Entry of a table, the lowest address bit first."""
    return table >> sum(bit << k for k, bit in enumerate(address)) & 1


@pytest.mark.rtl
def test_tables(driven) -> None:
    pins, found = driven["table"]
    expected = [lookup(0xB2E4, *bits) for bits in zip(*(pins[p] for p in "ABCD"), strict=True)]
    np.testing.assert_array_equal(found["Z"], expected)
    for name, one, zero, choice in (
        ("two tables", "ALUT", "BLUT", "C0"),
        ("four tables", "D1", "D0", "SD"),
    ):
        pins, found = driven[name]
        expected = np.where(pins[choice] == 1, pins[one], pins[zero])
        np.testing.assert_array_equal(found["Z"], expected)


@pytest.mark.rtl
@pytest.mark.parametrize("name", [name for name, cell in SMALL.items() if cell.module == "CCU2C"])
def test_carry(driven, name) -> None:
    pins, found = driven[name]
    carry = pins["CIN"].tolist()
    for k, table in enumerate((0x96AA, 0x5AF6)):
        inputs = list(zip(*(pins[f"{pin}{k}"].tolist() for pin in "ABCD"), strict=True))
        passes = [lookup(table, *bits) for bits in inputs]
        cut = CELLS[name].parameters[f"INJECT1_{k}"] == "YES"
        makes = [0 if cut else lookup(table, a, b, 0, 0) for a, b, _, _ in inputs]
        sums = [p ^ (0 if cut else c) for p, c in zip(passes, carry, strict=True)]
        np.testing.assert_array_equal(found[f"S{k}"], sums)
        carry = [c if p else m for p, m, c in zip(passes, makes, carry, strict=True)]
    np.testing.assert_array_equal(found["COUT"], carry)


def flip(cell: Cell, pins: Pins) -> Iterator[int]:
    has = cell.parameters
    begins = int(has.get("REGSET") == "SET")
    q, clock_before = begins, None
    for now in steps(pins):
        clock = now["CLK"] ^ (has.get("CLKMUX") == "INV")
        rises, clock_before = clock and clock_before == 0, clock
        sets = now["LSR"] ^ (has.get("LSRMUX") == "INV")
        enabled = {"1": 1, "0": 0, "INV": 1 - now["CE"], "CE": now["CE"]}[has["CEMUX"]]
        if sets and (rises or has.get("SRMODE") == "ASYNC"):
            q = now["M"] if has.get("LSRMODE") == "PRLD" else begins
        elif rises and enabled:
            q = now["DI"]
        yield q


@pytest.mark.rtl
@pytest.mark.parametrize(
    "name", [name for name, cell in SMALL.items() if cell.module == "TRELLIS_FF"]
)
def test_flip_flop(driven, name) -> None:
    pins, found = driven[name]
    np.testing.assert_array_equal(found["Q"], list(flip(CELLS[name], pins)))


@pytest.mark.rtl
@pytest.mark.parametrize(
    "name", [name for name, cell in SMALL.items() if cell.module == "TRELLIS_DPR16X4"]
)
def test_distributed_memory(driven, name) -> None:
    pins, found = driven[name]
    has, words, before = CELLS[name].parameters, list(range(16)), 0
    expected = []
    for now in steps(pins):
        clock = now["WCK"] ^ (has["WCKMUX"] == "INV")
        writes = {"WRE": now["WRE"], "INV": 1 - now["WRE"], "1": 1, "0": 0}[has["WREMUX"]]
        if clock and not before and writes:
            words[now["WAD"]] = now["DI"]
        before = clock
        expected.append(words[now["RAD"]])
    np.testing.assert_array_equal(found["DO"], expected)
