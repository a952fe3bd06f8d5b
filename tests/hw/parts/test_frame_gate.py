import numpy as np
import pytest

from hw.layers import Input
from hw.network import Network
from hw.parts import frame_gate
from hw.parts.frame_gate import FrameGate
from tests.hw.networks import pictures
from tests.hw.pipeline import input_words
from tests.hw.streams import Transfers, collector, crossed_stalls, driver, never, run

PICTURE = Input("x", (2, 2, 3), bits=4)
BEATS, FRAMES = 6, 5


def frames() -> list[int]:
    network = Network("net", (PICTURE,))
    return input_words(network, pictures(network, FRAMES))


@crossed_stalls
def test_frames_pass_in_the_same_cycles(i_stall, o_stall) -> None:
    dut, into, out = FrameGate(PICTURE, 1), Transfers(), Transfers()
    run(
        dut,
        driver(dut.i, frames(), i_stall(1), 5_000, into),
        collector(dut.o, BEATS * FRAMES, o_stall(2), 5_000, out),
    )
    assert out.words == frames()
    assert out.cycles == into.cycles


@pytest.mark.parametrize("held_at", [0, 1, 5, 6, 7])
def test_a_frame_that_has_begun_goes_on_and_no_other_begins(held_at) -> None:
    dut, into, empty = FrameGate(PICTURE, 2), Transfers(), []
    begun = -(-held_at // BEATS)
    leave = {30: 0b01, 33: 0b11, 36: 0b10} if begun == 2 else {}

    async def hold(ctx):
        ctx.set(dut.o.tready, 1)
        for now in range(60):
            ctx.set(dut.hold, held_at <= now < 40)
            ctx.set(dut.left, leave.get(now, 0))
            _, _, is_empty = await ctx.tick().sample(dut.empty)
            empty.append(is_empty)

    words = frames()[: 3 * BEATS]
    run(dut, driver(dut.i, words, never(), 100, into), hold)
    assert into.cycles == [*range(begun * BEATS), *range(40, 40 + (3 - begun) * BEATS)]
    if begun == 2:  # the first output has lost both frames in cycle 33, the second in 36
        assert np.flatnonzero(empty).tolist() == [0, *range(37, 41)]


def test_a_frame_too_many_waits(monkeypatch) -> None:
    monkeypatch.setattr(frame_gate, "MOST_FRAMES", 3)
    dut, into = FrameGate(PICTURE, 1), Transfers()

    async def let_out(ctx):
        ctx.set(dut.o.tready, 1)
        for now in range(100):
            ctx.set(dut.left, now == 50)
            await ctx.tick()

    run(dut, driver(dut.i, frames()[: 4 * BEATS], never(), 100, into), let_out)
    assert into.cycles == [*range(3 * BEATS), *range(51, 51 + BEATS)]
