from itertools import product

import numpy as np
import pytest
from amaranth.lib import stream

from hw.parts.fork import Fork
from tests.hw.streams import STALLS, Transfers, collector, driver, never, run

WORDS = np.random.default_rng(1).integers(0, 256, 60).tolist()


def send(consumers: int, i_stall, *o_stalls) -> list[Transfers]:
    dut = Fork(stream.Signature(8), consumers)
    outs = [Transfers() for _ in range(consumers)]
    ends = zip(dut.o, o_stalls, outs, strict=True)
    benches = [
        collector(o, len(WORDS), stall(2 + k), 5000, out, extra=20)
        for k, (o, stall, out) in enumerate(ends)
    ]
    run(dut, driver(dut.i, WORDS, i_stall(1), 5000), *benches)
    return outs


@pytest.mark.parametrize(
    "stalls", list(product(STALLS, repeat=3)), ids=["-".join(s) for s in product(STALLS, repeat=3)]
)
def test_every_consumer_gets_every_beat_once_in_order(stalls) -> None:
    outs = send(2, *(STALLS[name] for name in stalls))
    assert [out.words for out in outs] == [WORDS, WORDS]


@pytest.mark.parametrize("consumers", [1, 3, 4])
def test_any_number_of_consumers(consumers) -> None:
    stalls = [STALLS["random"], STALLS["bursty"], never, STALLS["random"]][:consumers]
    assert [out.words for out in send(consumers, never, *stalls)] == [WORDS] * consumers


def test_a_beat_a_cycle_to_all() -> None:
    for out in send(3, never, never, never, never):
        assert np.diff(out.cycles).tolist() == [1] * (len(WORDS) - 1)


def test_a_slow_consumer_does_not_withhold_a_beat_from_a_fast_one() -> None:
    """The fast one has each beat when it is offered, and waits for the next one only."""
    fast, slow = send(2, never, never, STALLS["bursty"])
    assert fast.words == slow.words
    assert fast.cycles[1:] == [cycle + 1 for cycle in slow.cycles[:-1]]
