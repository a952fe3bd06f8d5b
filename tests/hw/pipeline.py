"""A whole accelerator in Amaranth's simulator, driven as a stranger would drive it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Signal

from hw.accelerator import Accelerator
from hw.cost import predict, predict_ends
from hw.network import Network
from hw.plan import Folding
from tests.hw.networks import Case, pictures
from tests.hw.streams import (
    STALLS,
    Bench,
    Port,
    Transfers,
    at_random,
    collector,
    driver,
    never,
    pack,
    run,
    run_each,
    unpack,
)


@dataclass(frozen=True)
class Run:
    """Results (N, C, H, W); cycles of the first input beat and of every frame's last output."""

    results: np.ndarray
    first: int
    ends: list[int]

    @property
    def latency(self) -> int:
        return self.ends[0] - self.first

    @property
    def intervals(self) -> list[int]:
        return np.diff(self.ends).tolist()


def input_words(network: Network, frames: np.ndarray) -> list[int]:
    """Beats of frames, TLAST above the data."""
    stream = network.input.stream
    channels, height, width = stream.shape
    last = 1 << (-(-channels * stream.bits // 8) * 8)
    pixels = frames.reshape(len(frames), channels, height * width)
    return [
        pack(pixels[n, :, k], stream.bits) | (last if k == height * width - 1 else 0)
        for n in range(len(frames))
        for k in range(height * width)
    ]


def results_of(network: Network, words: list[int]) -> np.ndarray:
    """Results (N, C, H, W) of output beats, whose TLAST is checked."""
    result = network.formats[network.outputs[0]]
    channels, height, width = result.shape
    elements = 1 if (height, width) == (1, 1) else channels
    per_frame = channels * height * width // elements
    last = [w >> (-(-elements * result.bits // 8) * 8) for w in words]
    assert last == [int(k % per_frame == per_frame - 1) for k in range(len(words))]
    flat = [unpack(w, result.bits, elements, result.signed) for w in words]
    pixels = np.array(flat).reshape(-1, height, width, channels)
    return pixels.transpose(0, 3, 1, 2)


def simulate(
    network: Network, folding: Folding, frames: np.ndarray, i_stall=never, o_stall=never
) -> Run:
    """Run frames through the hardware; every beat in and out is accounted for."""
    return simulate_each(network, folding, [(frames, i_stall(1), o_stall(2))])[0]


def simulate_each(
    network: Network,
    folding: Folding,
    rounds: Sequence[tuple[np.ndarray, Iterator[bool], Iterator[bool]]],
) -> list[Run]:
    """Run frames between ends that stall, round by round; the hardware is made only once."""
    dut = Accelerator(network, folding)
    elements = int(np.prod(network.formats[network.outputs[0]].shape))
    taken, out = [], []

    def benches() -> Iterator[list[Bench]]:
        for frames, i_stall, o_stall in rounds:
            words, count = input_words(network, frames), len(frames) * elements // dut.elements
            limit = 20_000 + 400 * len(words)
            taken.append(Transfers())
            out.append(Transfers())
            collect = collector(dut.m_axis, count, o_stall, limit, out[-1], extra=10)

            async def judge(ctx, collect=collect):
                await collect(ctx)
                assert not ctx.get(dut.misframed)

            yield [driver(dut.s_axis, words, i_stall, limit, taken[-1]), judge]

    run_each(dut, benches())
    per_frame = elements // dut.elements
    return [
        Run(results_of(network, o.words), t.cycles[0], o.cycles[per_frame - 1 :: per_frame])
        for t, o in zip(taken, out, strict=True)
    ]


def check_cycles(made: Case, frames: int = 7) -> None:
    """Compare a simulation, whose ends never stall, with the reference and the prediction."""
    check_rounds(made, [(pictures(made.network, frames), "none", "none")])


def check_stalls(made: Case, i_stall: str, o_stall: str, frames: int = 3) -> None:
    """Compare a simulation, whose ends stall, with the reference."""
    check_rounds(made, [(pictures(made.network, frames), i_stall, o_stall)])


def check_rounds(made: Case, rounds: Sequence[tuple[np.ndarray, str, str]], seed: int = 1) -> None:
    """Compare rounds of frames, input and output stalls with the reference and the prediction."""
    network, folding = made.network, made.folding
    stalled = [(x, STALLS[i](seed), STALLS[o](seed + 1)) for x, i, o in rounds]
    for (x, *stalls), got in zip(rounds, simulate_each(network, folding, stalled), strict=True):
        (expected,) = network.compute(x).values()
        np.testing.assert_array_equal(got.results, expected)
        if stalls == ["none", "none"]:
            check_ends(made, [end - got.first for end in got.ends])


def check_ends(made: Case, ends: list[int]) -> None:
    """Compare the cycles in which frames end with those predicted, and what is said of them."""
    assert ends == predict_ends(made.network, made.folding, len(ends))
    cost, gaps = predict(made.network, made.folding), np.diff(ends).tolist()
    assert ends[0] == cost.latency
    if len(set(gaps[-4:])) == 1:
        assert gaps[-1] == cost.interval
    elif len(gaps) >= 4:  # frames of a few cycles, 7 and 8 in turn: the mean is predicted
        assert min(gaps[-4:]) <= cost.interval <= max(gaps[-4:])


def after_a_reset(made: Case, frames: np.ndarray, cycle: int) -> np.ndarray:
    """Results (N, C, H, W) of frames that follow a reset in some cycle of rubbish."""
    network = made.network
    words = input_words(network, frames)
    dut, reset = Accelerator(network, made.folding), Signal()
    source, out, stalls = Port.of(dut.s_axis), Transfers(), at_random(cycle)
    count = frames.shape[0] * int(np.prod(network.formats[network.outputs[0]].shape))

    async def bench(ctx):
        ctx.set(dut.m_axis.tready, 1)
        for now in range(cycle):
            ctx.set(source.payload, words[now % len(words)] ^ 1)
            ctx.set(source.valid, not next(stalls))
            await ctx.tick()
        ctx.set(source.valid, 0)
        ctx.set(dut.m_axis.tready, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        assert not ctx.get(dut.m_axis.tvalid)
        collect = collector(dut.m_axis, count // dut.elements, never(), 20_000, out, extra=100)
        await collect(ctx)

    async def feed(ctx):
        for _ in range(cycle + 1):
            await ctx.tick()
        await driver(dut.s_axis, words, never(), 20_000)(ctx)

    run(dut, bench, feed, reset=reset)
    return results_of(network, out.words)
