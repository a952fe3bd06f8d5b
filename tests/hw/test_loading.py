"""Loadable accelerators: frames that meet the weights of one network, or of another."""

from collections.abc import Iterator

import numpy as np
import pytest
from amaranth.hdl import Signal

from hw.accelerator import Accelerator
from hw.cells.portable import PORTABLE, Portable
from hw.cost import predict_ends
from hw.fold import Fold, UnsupportedLayer
from hw.layers import Input, MaxPool
from hw.network import Network
from hw.weight_stream import weight_stream
from tests.hw.cells.registered import Registered
from tests.hw.networks import NO_PADDING, Case, conv, pictures
from tests.hw.pipeline import input_words, results_of
from tests.hw.retrained import chain, residual, retrained
from tests.hw.streams import STALLS, Transfers, collector, driver, never, run

LIMIT = 50_000


def late(cycles: int) -> Iterator[bool]:
    """Stall for some cycles, and then no more."""
    for _ in range(cycles):
        yield True
    while True:
        yield False


def byte_words(data: bytes) -> list[int]:
    """Beats of bytes, TLAST above the data."""
    return [byte | (k == len(data) - 1) << 8 for k, byte in enumerate(data)]


class Loading:
    """Frames through a loadable accelerator, while words come on its other stream."""

    def __init__(
        self,
        made: Case,
        frames: int,
        words: list[int],
        after: int,
        stall=never,
        cells: Portable = PORTABLE,
    ) -> None:
        network = made.network
        self.x = pictures(network, frames)
        self.dut = Accelerator(network, made.folding, cells.stages, loadable=True)
        self.pixels, self.loads = Transfers(), Transfers()
        outs = [(output, Transfers()) for output in self.dut.outputs]
        run(
            self.dut,
            driver(self.dut.s_axis, input_words(network, self.x), stall(1), LIMIT, self.pixels),
            driver(self.dut.s_axis_weights, words, late(after), LIMIT, self.loads),
            *(
                collector(
                    self.dut.results(output), frames * output.beats, stall(2), LIMIT, out, extra=10
                )
                for output, out in outs
            ),
            cells=cells,
        )
        self.results = {output.layer: results_of(output, out.words) for output, out in outs}
        self.ends = np.max([out.cycles[o.beats - 1 :: o.beats] for o, out in outs], axis=0)

    @property
    def first_pixels(self) -> np.ndarray:
        """Cycle in which each frame begins."""
        return np.array(self.pixels.cycles[:: len(self.pixels.cycles) // len(self.x)])


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("after", [1, 320, 333])
@pytest.mark.parametrize("make", [chain, residual])
def test_a_frame_meets_the_weights_of_one_network(make, after, stall) -> None:
    made = make()
    network, frames = made.network, 6
    other = retrained(network)
    data = weight_stream(other, network, made.folding)
    got = Loading(made, frames, byte_words(data), after, stall)
    old = int((got.first_pixels < got.loads.cycles[0]).sum())
    assert (0 < old < frames) or after == 1
    assert (got.first_pixels[old:] > got.loads.cycles[-1]).all()
    assert (got.ends[:old] < got.loads.cycles[0]).all()
    before, behind = network.compute(got.x[:old]), other.compute(got.x[old:])
    for name, result in got.results.items():
        np.testing.assert_array_equal(result[:old], before[name])
        np.testing.assert_array_equal(result[old:], behind[name])


@pytest.mark.parametrize("cells", [PORTABLE, Registered()], ids=["portable", "registered"])
@pytest.mark.parametrize("make", [chain, residual])
def test_it_takes_the_cycles_that_are_predicted(make, cells) -> None:
    made = make()
    data = weight_stream(retrained(made.network), made.network, made.folding)
    got = Loading(made, 9, byte_words(data), 320, cells=cells)
    network, other = made.network, retrained(made.network)
    old = int((got.first_pixels < got.loads.cycles[0]).sum())
    predicted = np.max([*predict_ends(network, made.folding, 9, got.dut.plans).values()], axis=0)
    assert (got.ends[:old] - got.first_pixels[0]).tolist() == predicted[:old].tolist()
    assert got.ends[-1] - got.ends[-2] == predicted[-1] - predicted[-2]
    before, behind = network.compute(got.x[:old]), other.compute(got.x[old:])
    for name, result in got.results.items():
        expected = np.concatenate([before[name], behind[name]])
        np.testing.assert_array_equal(result, expected)
    if cells == PORTABLE:
        plain = np.max([*predict_ends(network, made.folding, 9).values()], axis=0)
        assert plain.tolist() == predicted.tolist()


@pytest.mark.parametrize("damage", ["short", "long"])
def test_frames_wait_for_a_whole_load(damage) -> None:
    made = residual()
    network, folding = made.network, made.folding
    other, third = retrained(network, 2), retrained(network, 3)
    data = weight_stream(other, network, folding)
    torn = byte_words(data[:-3] if damage == "short" else data + b"ab")
    whole = byte_words(weight_stream(third, network, folding))
    got = Loading(made, 4, torn + whole, 0, lambda seed: late(5))
    assert got.first_pixels[0] > got.loads.cycles[-1]
    for name, result in third.compute(got.x).items():
        np.testing.assert_array_equal(got.results[name], result)


def test_a_reset_keeps_what_is_loaded_and_does_not_mend_what_is_torn() -> None:
    made = residual()
    network = made.network
    other = retrained(network, 4)
    data = weight_stream(other, network, made.folding)
    dut, reset = Accelerator(network, made.folding, loadable=True), Signal()
    x, out = pictures(network, 2), Transfers()

    async def bench(ctx):
        for words, torn in ((byte_words(data)[:50], 1), (byte_words(data), 0)):
            await driver(dut.s_axis_weights, words, never(), LIMIT)(ctx)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            ctx.set(dut.s_axis.tvalid, torn)
            for _ in range(20):
                await ctx.tick()
                assert ctx.get(dut.weights_incomplete) == torn
                assert not (torn and ctx.get(dut.s_axis.tready))
        await driver(dut.s_axis, input_words(network, x), never(), LIMIT)(ctx)

    results = [dut.results(output) for output in dut.outputs]
    counts = [2 * output.beats for output in dut.outputs]
    spare = Transfers()
    run(
        dut,
        bench,
        collector(results[0], counts[0], never(), LIMIT, out),
        collector(results[1], counts[1], never(), LIMIT, spare),
        reset=reset,
    )
    name = dut.outputs[0].layer
    np.testing.assert_array_equal(results_of(dut.outputs[0], out.words), other.compute(x)[name])


def test_what_cannot_be_loaded_is_refused() -> None:
    rng = np.random.default_rng(1)
    raw = conv(rng, "a", "x", (1, 2), (1, 1), padding=NO_PADDING, raw=True, weight_bits=2)
    x = Input("x", (1, 4, 4), bits=2)
    net = Network("net", (x, raw, MaxPool("p", "a")))
    sentence = "^layer 'a': accumulators must leave a loadable design, not feed 'p'$"
    with pytest.raises(UnsupportedLayer, match=sentence):
        Accelerator(net, {"a": Fold(1), "p": Fold(1)}, loadable=True)
    pool = Network("pool", (x, MaxPool("p", "x")))
    with pytest.raises(ValueError, match=r"^network 'pool' must have weights, to be loadable$"):
        Accelerator(pool, {"p": Fold(1)}, loadable=True)
