"""What the cells of the ECP5 build, with the models of its primitives, in one Verilator model."""

from collections.abc import Iterator

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import Module, Shape, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hw.cells.ecp5 import Ecp5
from hw.cells.ecp5_block_ram import FORMS, Form, Write, block_ram
from hw.cells.portable import Start
from hw.fold import Fold
from tests.hw.networks import conv, layer_plan
from tests.sim.verilog.pins import Cell, Pins, drive

CYCLES = 1500
CELLS = Ecp5()
WIDTH = 21


class Memory(wiring.Component):
    """Block RAM that is written element by element."""

    where: Signal
    word: Signal
    enable: Signal
    address: Signal
    out: Signal

    def __init__(self, depth: int, elements: int, bits: int) -> None:
        self.size = depth, elements, bits
        rng = np.random.default_rng(self.size)
        self.contents = rng.integers(0, 1 << elements * bits, depth).tolist()
        ports = {"where": In(range(depth)), "word": In(elements * bits), "enable": In(elements)}
        super().__init__({**ports, "address": In(range(depth)), "out": Out(elements * bits)})

    def elaborate(self, platform):
        m = Module()
        write = Write(self.where, self.word, self.enable)
        out = block_ram(m, "ram", self.contents, *self.size[1:], self.address, write)
        m.d.comb += self.out.eq(out)
        return m

    def stimuli(self, rng: np.random.Generator) -> Pins:
        """Draw; what is written is never read in that cycle."""
        depth, elements, bits = self.size
        where = rng.integers(0, depth, CYCLES) // rng.choice([1, depth // 8], CYCLES)
        other = rng.integers(1, depth, CYCLES) // rng.choice([1, depth // 8], CYCLES)
        return {
            "where": where,
            "word": rng.integers(0, 1 << elements * bits, CYCLES),
            "enable": rng.integers(0, 1 << elements, CYCLES),
            "address": (where + np.maximum(other, 1)) % depth,
            "rst": np.zeros(CYCLES, int),
        }

    def model(self, pins: Pins) -> Iterator[int]:
        (_, elements, bits), held, read = self.size, list(self.contents), [0, 0]
        for where, word, enable, address in zip(
            *(pins[name].tolist() for name in ("where", "word", "enable", "address")), strict=True
        ):
            yield read[0]
            read = [read[1], held[address]]
            mask = sum((1 << bits) - 1 << e * bits for e in range(elements) if enable >> e & 1)
            held[where] = held[where] & ~mask | word & mask


class Product(wiring.Component):
    """Product of two operands."""

    a: Signal
    b: Signal
    out: Signal

    def __init__(self, a: Shape, b: Shape) -> None:
        super().__init__({"a": In(a), "b": In(b), "out": Out(signed(a.width + b.width))})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.out.eq(CELLS.product(m, "product", self.a, self.b))
        return m

    def stimuli(self, rng: np.random.Generator) -> Pins:
        pins = {"rst": (rng.random(CYCLES) < 0.01).astype(int)}
        for name in ("a", "b"):
            width = getattr(self, name).shape().width
            ends = rng.choice(
                [0, 1 << (width - 1), (1 << (width - 1)) - 1, (1 << width) - 1], CYCLES
            )
            drawn = rng.integers(0, 1 << width, CYCLES)
            pins[name] = np.where(rng.random(CYCLES) < 0.3, ends, drawn)
        return pins

    def model(self, pins: Pins) -> Iterator[int]:
        stages = [0] * CELLS.stages.multiply
        for a, b, reset in zip(*(pins[name].tolist() for name in ("a", "b", "rst")), strict=True):
            yield stages.pop(0)
            product = value(a, self.a.shape()) * value(b, self.b.shape())
            stages = [0] * CELLS.stages.multiply if reset else [*stages, product]


class Sum(wiring.Component):
    """Sums that stay, or are zero in any cycle but that behind their last product."""

    product: Signal
    bias: Signal
    begun: Signal
    last: Signal
    out: Signal

    def __init__(self, holds: bool) -> None:
        self.holds = holds
        ports = {"product": In(signed(16)), "bias": In(signed(13)), "begun": In(1), "last": In(1)}
        super().__init__({**ports, "out": Out(signed(WIDTH))})

    def elaborate(self, platform):
        m = Module()
        start = Start(self.begun, self.bias)
        CELLS.accumulate(m, "sum", self.product, self.last, self.out, start, holds=self.holds)
        return m

    def stimuli(self, rng: np.random.Generator) -> Pins:
        return {
            "product": rng.integers(0, 1 << 16, CYCLES),
            "bias": rng.integers(0, 1 << 13, CYCLES),
            "begun": (rng.random(CYCLES) < 0.9).astype(int),
            "last": (rng.random(CYCLES) < 0.1).astype(int),
            "rst": (rng.random(CYCLES) < 0.01).astype(int),
        }

    def model(self, pins: Pins) -> Iterator[int]:
        acc, out = 0, 0
        names = "product", "bias", "begun", "last", "rst"
        for product, bias, begun, last, reset in zip(
            *(pins[name].tolist() for name in names), strict=True
        ):
            yield out
            acc = (acc if begun else value(bias, signed(13))) + value(product, signed(16))
            out = acc if last else out * self.holds
            if reset:
                acc, out = 0, 0


class Joined(wiring.Component):
    """Sum of what two sides hold, of whose registers one a side is not zero."""

    held: Signal
    out: Signal

    def __init__(self, width: int, *registers: int) -> None:
        self.width, self.registers = width, registers
        super().__init__({"held": In(self.width * sum(registers)), "out": Out(signed(self.width))})

    def elaborate(self, platform):
        m = Module()
        lanes = data.ArrayLayout(signed(self.width), 1)
        views = [data.View(lanes, self.held.word_select(k, self.width)) for k in range(self.total)]
        sides = views[: self.registers[0]], views[self.registers[0] :]
        result = Signal(lanes)
        plan = layer_plan(conv(np.random.default_rng(1)), (3, 4, 5), Fold(1))
        CELLS.gather(m, plan, "sum", sides, result)
        m.d.comb += self.out.eq(result[0])
        return m

    @property
    def total(self) -> int:
        return sum(self.registers)

    def stimuli(self, rng: np.random.Generator) -> Pins:
        ones, others = self.registers
        held = [
            int(rng.integers(0, 1 << self.width)) << self.width * int(rng.integers(ones))
            | int(rng.integers(0, 1 << self.width)) << self.width * int(ones + rng.integers(others))
            for _ in range(CYCLES)
        ]
        return {"held": np.array(held), "rst": (rng.random(CYCLES) < 0.01).astype(int)}

    def model(self, pins: Pins) -> Iterator[int]:
        found = [0, 0]
        for held, reset in zip(pins["held"].tolist(), pins["rst"].tolist(), strict=True):
            yield found.pop(0)
            words = [held >> self.width * k & (1 << self.width) - 1 for k in range(self.total)]
            found = [0, 0] if reset else [*found, sum(words)]


def value(bits: int, shape: Shape) -> int:
    """Number that some bits are."""
    return bits - (shape.signed and bits >> shape.width - 1 << shape.width)


BUILT = {
    **{
        f"memory_{depth}_{elements}_{bits}": Memory(depth, elements, bits)
        for depth, elements, bits in (
            *((288, 1, 34), (200, 7, 8), (512, 2, 12), (513, 3, 8), (1024, 5, 3), (1100, 2, 16)),
            *((2048, 3, 1), (2500, 2, 6), (5000, 3, 5), (9000, 2, 3)),
        )
    },
    "pixels_by_weights": Product(unsigned(8), signed(8)),
    "signed_by_signed": Product(signed(5), signed(9)),
    "widest": Product(signed(18), unsigned(16)),
    "narrowest": Product(unsigned(1), signed(2)),
    "sums": Sum(holds=False),
    "sums_that_stay": Sum(holds=True),
    **{
        f"joined_{a}_{b}": Joined(width, a, b)
        for width, a, b in ((WIDTH, 1, 1), (20, 2, 1), (7, 5, 4), (6, 3, 7))
    },
}


@pytest.mark.rtl
def test_cells_do_what_they_are_to(tmp_path) -> None:
    rng, cells, stimuli, sources = np.random.default_rng(1), [], [], []
    for name, built in BUILT.items():
        sources.append(tmp_path / f"{name}.v")
        sources[-1].write_text(verilog.convert(built, name, CELLS, emit_src=False))
        members = built.signature.members
        widths = {key: Shape.cast(member.shape).width for key, member in members.items()}
        inputs = {"clk": 1, "rst": 1} | {key: w for key, w in widths.items() if key != "out"}
        cells.append(Cell(name, {}, inputs, {"out": widths["out"]}, vectors=True))
        pins = {key: np.repeat(drawn, 2) for key, drawn in built.stimuli(rng).items()}
        stimuli.append(pins | {"clk": np.arange(2 * CYCLES) % 2})
    found = drive(cells, stimuli, tmp_path, sources)
    for (name, built), cell, pins, result in zip(BUILT.items(), cells, stimuli, found, strict=True):
        expected = [*built.model({key: driven[::2] for key, driven in pins.items()})]
        got = result["out"][::2]  # while the clock is low
        mask = (1 << cell.outputs["out"]) - 1
        np.testing.assert_array_equal(got, [word & mask for word in expected], name)


def test_every_form_is_built() -> None:
    """Each of block RAMs as wide as may be, and no deeper than they are."""
    built = [made for made in BUILT.values() if isinstance(made, Memory)]
    assert {Form.of(made.size[0]) for made in built} == set(FORMS)
    assert [form.piece * form.pieces << form.address_bits for form in FORMS] == [18432] * 3 + [
        16384
    ] * 3
    assert Form.of(16384) == FORMS[-1]
    assert Form.of(16385) is None
