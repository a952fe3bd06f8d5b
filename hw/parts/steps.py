"""Steps that several parts take."""

from functools import reduce
from operator import or_

from amaranth import *


def cyclic_index(m: Module, length: int, advance: Signal, name: str) -> tuple[Signal, Signal]:
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


def saturate(m: Module, value: Signal, low: int, high: int, result: Value) -> None:
    """Register a value, or the end of a range that it exceeds."""
    with m.If(value < low):
        m.d.sync += result.eq(low)
    with m.Elif(value > high):
        m.d.sync += result.eq(high)
    with m.Else():
        m.d.sync += result.eq(value)


def either(values: list[Value]) -> Value:
    """OR of some values, as a tree: a chain of many is deeper than Amaranth goes."""
    while len(values) > 1:
        values = [reduce(or_, values[k : k + 2]) for k in range(0, len(values), 2)]
    return values[0]
