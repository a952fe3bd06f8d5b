"""Streams in Amaranth's simulator: stalls, drivers and collectors that give up after some cycles.

Benches are plain loops over ``await ctx.tick().sample(...)``: ``until`` and ``repeat`` that are
pending when a simulation ends make pytest die.
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, product, repeat
from typing import Any, NamedTuple

import numpy as np
import pytest
from amaranth.hdl import Cat, ClockDomain, Fragment, Module, ResetSignal, Signal, Value
from amaranth.sim import Simulator

from hw.cells.portable import PORTABLE, Portable

Bench = Callable[[Any], Coroutine[Any, Any, None]]


def never(seed: int = 0) -> Iterator[bool]:
    return repeat(False)


def at_random(seed: int = 0) -> Iterator[bool]:
    """Stall in 2 of 5 cycles."""
    return cycle((np.random.default_rng(seed).random(997) < 0.4).tolist())


def in_bursts(seed: int = 0) -> Iterator[bool]:
    """Stall for up to 30 cycles, then flow for up to 30, stalled first."""
    lengths = np.random.default_rng(seed).integers(1, 31, 98)
    return cycle(np.repeat(np.arange(98) % 2 == 0, lengths).tolist())


STALLS = {"none": never, "random": at_random, "bursty": in_bursts}
each_stall = pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
crossed_stalls = pytest.mark.parametrize(
    ("i_stall", "o_stall"),
    list(product(STALLS.values(), repeat=2)),
    ids=[f"{i}-{o}" for i, o in product(STALLS, repeat=2)],
)


class Port(NamedTuple):
    """Signals of a stream, of Amaranth's or AXI4-Stream; the payload is one flat number."""

    valid: Signal
    ready: Signal
    payload: Value

    @staticmethod
    def of(stream) -> "Port":
        if hasattr(stream, "tvalid"):
            return Port(stream.tvalid, stream.tready, Cat(stream.tdata, stream.tlast))
        return Port(stream.valid, stream.ready, Value.cast(stream.payload))


@dataclass
class Transfers:
    """What passed a port, and in which cycles."""

    words: list[int] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)


def driver(
    stream, words: Sequence[int], stalls: Iterator[bool], limit: int, done: Transfers | None = None
) -> Bench:
    """Bench that offers words; what is not valid is rubbish."""
    port, done = Port.of(stream), Transfers() if done is None else done
    rubbish = (1 << len(port.payload)) - 1

    async def bench(ctx):
        offered = False
        for now in range(limit):
            if len(done.words) == len(words):
                return
            word = words[len(done.words)]
            if not offered and not next(stalls):
                ctx.set(port.payload, word)
                ctx.set(port.valid, offered := True)
            _, _, ready = await ctx.tick().sample(port.ready)
            if offered and ready:
                done.words.append(word)
                done.cycles.append(now)
                ctx.set(port.payload, word ^ rubbish)
                ctx.set(port.valid, offered := False)
        raise AssertionError(f"{len(done.words)} of {len(words)} words went in in {limit} cycles")

    return bench


def collector(
    stream, count: int, stalls: Iterator[bool], limit: int, done: Transfers, extra: int = 0
) -> Bench:
    """Bench that takes words, and asserts that a stalled payload holds and no word is too many."""
    port = Port.of(stream)

    async def bench(ctx):
        held, end = None, None
        for now in range(limit):
            if end is None and len(done.words) == count:
                end = now + extra
            if end is not None and now >= end:
                return
            ready = not next(stalls)
            ctx.set(port.ready, ready)
            _, _, valid, payload = await ctx.tick().sample(port.valid, port.payload)
            assert held is None or (valid and payload == held), "a stalled payload must hold"
            held = payload if valid and not ready else None
            if valid and ready:
                assert len(done.words) < count, "a word too many"
                done.words.append(payload)
                done.cycles.append(now)
        raise AssertionError(f"{len(done.words)} of {count} words came out in {limit} cycles")

    return bench


def run(dut, *benches: Bench, reset: Signal | None = None, cells: Portable = PORTABLE) -> None:
    """Simulate until every bench has ended."""
    run_each(dut, [benches], reset, cells)


def run_each(
    dut,
    rounds: Iterable[Sequence[Bench]],
    reset: Signal | None = None,
    cells: Portable = PORTABLE,
) -> None:
    """Simulate rounds of as many benches each; each begins with the hardware as at first."""
    m = Module()
    m.domains.sync = ClockDomain()
    if reset is not None:
        m.d.comb += ResetSignal().eq(reset)
    m.submodules.dut = dut
    sim, slots = Simulator(Fragment.get(m, cells)), []

    def slot(index: int) -> Bench:
        async def bench(ctx):
            await slots[index](ctx)

        return bench

    sim.add_clock(1e-6)
    for number, benches in enumerate(rounds):
        slots[:] = benches
        if number:
            sim.reset()
        else:
            for index in range(len(slots)):
                sim.add_testbench(slot(index))
        sim.run()


def transfer(
    dut,
    words: Sequence[int],
    count: int,
    i_stall: Callable = never,
    o_stall: Callable = never,
    limit: int = 20_000,
    extra: int = 20,
) -> Transfers:
    """Send words through ``dut.i`` and take `count` from ``dut.o``."""
    out = Transfers()
    run(
        dut,
        driver(dut.i, words, i_stall(1), limit),
        collector(dut.o, count, o_stall(2), limit, out, extra),
    )
    return out


def pack(elements, bits: int) -> int:
    """Put elements into one number, low bits first."""
    mask = (1 << bits) - 1
    return sum((int(e) & mask) << (bits * k) for k, e in enumerate(elements))


def unpack(word: int, bits: int, count: int, signed: bool = False) -> list[int]:
    """Take elements out of a number: the inverse of `pack`."""
    fields = [(word >> (bits * k)) & ((1 << bits) - 1) for k in range(count)]
    return [f - (1 << bits) if signed and f >> (bits - 1) else f for f in fields]
