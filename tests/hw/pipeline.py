"""A whole accelerator in Amaranth's simulator, driven as a stranger would drive it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Signal

from hw.accelerator import Accelerator
from hw.cells.portable import PORTABLE, Portable
from hw.cost import predict, predict_ends
from hw.network import Network
from hw.outputs import Output
from hw.plan import Folding, plan
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
    """Results (N, C, H, W) and cycles of every frame's last beat, by output; the first beat in."""

    outputs: dict[str, np.ndarray]
    first: int
    ends_of: dict[str, list[int]]

    @property
    def results(self) -> np.ndarray:
        """Of the only output."""
        (only,) = self.outputs.values()
        return only

    @property
    def ends(self) -> list[int]:
        """Cycle in which the last beat of every frame leaves, of all outputs."""
        return np.max([*self.ends_of.values()], axis=0).tolist()

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


def results_of(output: Output, words: list[int]) -> np.ndarray:
    """Results (N, C, H, W) of output beats, whose TLAST is checked."""
    result = output.link.activation
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
    (got,) = simulate_each(network, folding, [(frames, i_stall(1), lambda k: o_stall(2 + k))])
    return got


def simulate_each(
    network: Network,
    folding: Folding,
    rounds: Sequence[tuple[np.ndarray, Iterator[bool], Callable[[int], Iterator[bool]]]],
    cells: Portable = PORTABLE,
) -> list[Run]:
    """Run frames between ends that stall, round by round; the hardware is made only once.

    A round has frames, the stalls of the input, and what makes those of an output by its index.
    """
    dut = Accelerator(network, folding, cells.stages)
    taken: list[Transfers] = []
    given: list[list[Transfers]] = []

    def benches() -> Iterator[list[Bench]]:
        for frames, i_stall, o_stall in rounds:
            words = input_words(network, frames)
            limit = 20_000 + 400 * len(words)
            taken.append(Transfers())
            given.append([Transfers() for _ in dut.outputs])
            judges = []
            for index, (output, out) in enumerate(zip(dut.outputs, given[-1], strict=True)):
                port, count = dut.results(output), len(frames) * output.beats
                collect = collector(port, count, o_stall(index), limit, out, extra=10)

                async def judge(ctx, collect=collect):
                    await collect(ctx)
                    assert not ctx.get(dut.misframed)

                judges.append(judge)
            yield [driver(dut.s_axis, words, i_stall, limit, taken[-1]), *judges]

    run_each(dut, benches(), cells=cells)
    found = []
    for t, outs in zip(taken, given, strict=True):
        pairs = list(zip(dut.outputs, outs, strict=True))
        results = {o.layer: results_of(o, out.words) for o, out in pairs}
        ends = {o.layer: out.cycles[o.beats - 1 :: o.beats] for o, out in pairs}
        found.append(Run(results, t.cycles[0], ends))
    return found


def check_cycles(made: Case, frames: int = 7) -> None:
    """Compare a simulation, whose ends never stall, with the reference and the prediction."""
    check_rounds(made, [(pictures(made.network, frames), "none", "none")])


def check_stalls(made: Case, i_stall: str, o_stall: str, frames: int = 3) -> None:
    """Compare a simulation, whose ends stall, with the reference."""
    check_rounds(made, [(pictures(made.network, frames), i_stall, o_stall)])


def check_rounds(
    made: Case,
    rounds: Sequence[tuple[np.ndarray, str, str]],
    seed: int = 1,
    cells: Portable = PORTABLE,
) -> None:
    """Compare rounds of frames, input and output stalls with the reference and the prediction."""
    network, folding = made.network, made.folding
    stalled = [(x, STALLS[i](seed), stalls_of(o, seed + 1)) for x, i, o in rounds]
    found = simulate_each(network, folding, stalled, cells)
    for (x, *stalls), got in zip(rounds, found, strict=True):
        expected = network.compute(x)
        assert list(got.outputs) == list(expected)
        for name, result in expected.items():
            np.testing.assert_array_equal(got.outputs[name], result, name)
        if stalls == ["none", "none"]:
            check_ends(made, got, cells)


def stalls_of(kind: str, seed: int) -> Callable[[int], Iterator[bool]]:
    """Stalls of outputs, each its own; behind a comma those of the next output, and so on."""
    kinds = kind.split(",")
    return lambda index: STALLS[kinds[index % len(kinds)]](seed + index)


def check_ends(made: Case, got: Run, cells: Portable = PORTABLE) -> None:
    """Compare the cycles in which frames end with those predicted, and what is said of them."""
    ends = [end - got.first for end in got.ends]
    plans = plan(made.network, made.folding, stages=cells.stages)
    predicted = predict_ends(made.network, made.folding, len(ends), plans)
    assert got.ends_of == {
        name: [got.first + end for end in found] for name, found in predicted.items()
    }
    cost, gaps = predict(made.network, made.folding, plans), np.diff(ends).tolist()
    assert ends[0] == cost.latency
    if len(set(gaps[-4:])) == 1:
        assert gaps[-1] == cost.interval
    elif len(gaps) >= 4:  # frames of a few cycles, 7 and 8 in turn: the mean is predicted
        assert min(gaps[-4:]) <= cost.interval <= max(gaps[-4:])


def after_a_reset(
    made: Case, frames: np.ndarray, cycle: int, cells: Portable = PORTABLE
) -> np.ndarray:
    """Results (N, C, H, W) of frames that follow a reset in some cycle of rubbish."""
    network = made.network
    words = input_words(network, frames)
    dut, reset = Accelerator(network, made.folding, cells.stages), Signal()
    source, out, stalls = Port.of(dut.s_axis), Transfers(), at_random(cycle)
    (output,) = dut.outputs
    port, count = dut.results(output), len(frames) * output.beats

    async def bench(ctx):
        ctx.set(port.tready, 1)
        for now in range(cycle):
            ctx.set(source.payload, words[now % len(words)] ^ 1)
            ctx.set(source.valid, not next(stalls))
            await ctx.tick()
        ctx.set(source.valid, 0)
        ctx.set(port.tready, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        assert not ctx.get(port.tvalid)
        collect = collector(port, count, never(), 20_000, out, extra=100)
        await collect(ctx)

    async def feed(ctx):
        for _ in range(cycle + 1):
            await ctx.tick()
        await driver(dut.s_axis, words, never(), 20_000)(ctx)

    run(dut, bench, feed, reset=reset, cells=cells)
    return results_of(output, out.words)
