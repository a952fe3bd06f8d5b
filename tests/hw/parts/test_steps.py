import numpy as np
import pytest
from amaranth import Module, Shape, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hw.parts.steps import saturate
from tests.hw.streams import run


class Saturate(wiring.Component):
    value: Signal
    over: Signal
    under: Signal
    result: Signal

    def __init__(self, value: Shape, result: Shape) -> None:
        super().__init__({"value": In(value), "over": In(1), "under": In(1), "result": Out(result)})

    def elaborate(self, platform):
        m = Module()
        saturate(m, self.value, self.result, self.over, self.under)
        return m


@pytest.mark.parametrize("value", [signed(7), signed(3), unsigned(6), unsigned(2)], ids=repr)
@pytest.mark.parametrize("result", [signed(4), unsigned(4)], ids=repr)
def test_every_value_is_clipped_two_cycles_later(value, result) -> None:
    dut = Saturate(value, result)
    low, high = (-8, 7) if result.signed else (0, 15)
    first = -(1 << (value.width - 1)) if value.signed else 0
    values = np.arange(first, first + (1 << value.width))
    cases = [(int(v), over, under) for v in values for over, under in ((0, 0), (1, 0), (0, 1))]
    wanted = [
        high if over else low if under else int(np.clip(v, low, high)) for v, over, under in cases
    ]
    got = []

    async def bench(ctx):
        for value, over, under in [*cases, (0, 0, 0), (0, 0, 0)]:
            ctx.set(dut.value, value)
            ctx.set(dut.over, over)
            ctx.set(dut.under, under)
            _, _, result = await ctx.tick().sample(dut.result)
            got.append(result)

    run(dut, bench)
    assert got[2:] == wanted
