"""A whole accelerator in Amaranth's simulator, driven as a stranger would drive it."""

from dataclasses import dataclass

import numpy as np

from hw.accelerator import Accelerator
from hw.network import Network
from hw.plan import Folding
from tests.hw.streams import Transfers, collector, driver, never, pack, run, unpack


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
    dut = Accelerator(network, folding)
    result = network.formats[network.outputs[0]]
    count = len(frames) * int(np.prod(result.shape)) // dut.elements
    words = input_words(network, frames)
    limit = 20_000 + 400 * len(words)
    taken, out = Transfers(), Transfers()
    collect = collector(dut.m_axis, count, o_stall(2), limit, out, extra=10)

    async def judge(ctx):
        await collect(ctx)
        assert not ctx.get(dut.misframed)

    run(dut, driver(dut.s_axis, words, i_stall(1), limit, taken), judge)
    per_frame = count // len(frames)
    ends = out.cycles[per_frame - 1 :: per_frame]
    return Run(results_of(network, out.words), taken.cycles[0], ends)
