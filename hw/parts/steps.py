"""Steps that several parts take."""

from functools import reduce
from operator import or_

from amaranth import *


def cyclic_index(m: Module, length: int, advance: Value, name: str) -> tuple[Signal, Signal]:
    """Count ``0 .. length - 1`` and around, a step when `advance` is set.

    Returns
    -------
    index, next_index : Signal
        This cycle's, and the next one's, which is the address to read a memory at in advance.
    """
    index = Signal(range(length), name=name)
    next_index = Signal(range(length), name=f"next_{name}")
    m.d.comb += next_index.eq(index)
    with m.If(advance):
        m.d.comb += next_index.eq(Mux(index == length - 1, 0, index + 1))
    m.d.sync += index.eq(next_index)
    return index, next_index


def saturate(
    m: Module, value: Value, result: Value, over: Value | None = None, under: Value | None = None
) -> None:
    """Take a value or, of the range of `result`, the end that it exceeds; two cycles later.

    It looks at single bits, as a comparison would take a carry chain, and sets or resets registers,
    of a lower end in the first cycle, of an upper one in the second: neither takes a multiplexer.

    Parameters
    ----------
    m : Module
    value : Value
    result : Value
        As wide as its range.
    over, under : Value, optional
        Whether the value exceeds the upper or the lower end, whatever it says itself.
    """
    shape = result.shape()
    inner = shape.width - shape.signed
    unsigned = not value.shape().signed
    wide = Signal(signed(max(len(value) + unsigned, inner + 1)))
    m.d.comb += wide.eq(value)
    negative, above = wide[-1], wide[inner:-1]
    high = ~negative & above.any()
    low = negative & ~above.all() if shape.signed else negative
    if over is not None and under is not None:
        high, low = over | (high & ~under), low | under
    # Of an ECP5's register, what it is set to is what it begins with.
    lowest, highest = (1 << inner if shape.signed else 0), (1 << inner) - 1
    raised = Signal(shape.width, init=lowest, reset_less=True, name="raised")
    ended = Signal(shape.width, init=highest, reset_less=True, name="ended")
    exceeds = Signal(reset_less=True, name="exceeds")
    m.d.comb += result.eq(ended)
    m.d.sync += [raised.eq(wide), exceeds.eq(high), ended.eq(raised)]
    with m.If(low):
        m.d.sync += raised.eq(lowest)
    with m.If(exceeds):
        m.d.sync += ended.eq(highest)


def either(values: list[Value]) -> Value:
    """OR of some values, as a tree: a chain of many is deeper than Amaranth goes."""
    while len(values) > 1:
        values = [reduce(or_, values[k : k + 2]) for k in range(0, len(values), 2)]
    return values[0]


def keep(
    m: Module, last: Value, acc: Signal, total: Signal, hold: Value, neutral: int, *, holds: bool
) -> None:
    """Accumulate; at the end of a list hold what is complete and begin anew.

    What is held stays, or is zero in any other cycle. Written so that both are registers with a
    reset or an enable, which costs no multiplexer.
    """
    m.d.sync += acc.eq(total)
    with m.If(last):
        m.d.sync += acc.eq(neutral)
    take(m, last, hold, total, holds=holds)


def take(m: Module, complete: Value, hold: Value, value: Value, *, holds: bool) -> None:
    """Hold what is complete until the next time, or for one cycle and else zero."""
    with m.If(complete):
        m.d.sync += hold.eq(value)
    if not holds:
        with m.Else():
            m.d.sync += hold.eq(0)


def delayed(m: Module, signal: Value, cycles: int, name: str = "later", init: int = 0) -> Value:
    """Delay a signal by some cycles."""
    for _ in range(cycles):
        later = Signal.like(signal, name=name, init=init)
        m.d.sync += later.eq(signal)
        signal = later
    return signal
