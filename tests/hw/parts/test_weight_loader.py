import numpy as np
import pytest

from hw.contents import Contents
from hw.parts.weight_loader import WeightLoader
from tests.hw.streams import STALLS, driver, run

RNG = np.random.default_rng(1)
# Words of two bytes, of one that is not all used, of four, and one word alone.
MEMORIES = tuple(
    Contents(bits, [int(word) for word in RNG.integers(0, 1 << bits, depth)])
    for bits, depth in ((16, 5), (3, 4), (31, 3), (8, 1))
)
DATA = b"".join(memory.encode() for memory in MEMORIES)


def words(data: bytes) -> list[int]:
    return [byte | (k == len(data) - 1) << 8 for k, byte in enumerate(data)]


class Loaded:
    """What the memories hold after some beats, and what the loader says in every cycle."""

    def __init__(self, beats: list[int], memories=MEMORIES, stall=STALLS["none"]) -> None:
        dut = WeightLoader(memories)
        self.held = [[-1] * len(memory.words) for memory in memories]
        self.holds, self.readies, self.incomplete = [], [], []

        async def watch(ctx):
            empty = STALLS["bursty"](3)
            for _ in range(8 * len(beats) + 200):
                ctx.set(dut.empty, int(not next(empty)))
                ports = [dut.load.port(index, memory) for index, memory in enumerate(memories)]
                flags = dut.hold, dut.i.tready, dut.incomplete, dut.empty
                sampled = await ctx.tick().sample(*flags, *(x for port in ports for x in port))
                hold, ready, incomplete, is_empty = sampled[2:6]
                self.holds.append(hold)
                self.readies.append(ready)
                self.incomplete.append(incomplete)
                assert not ready or (hold and is_empty)
                for index in range(len(memories)):
                    address, word, enable = sampled[6 + 3 * index :][:3]
                    if enable:
                        self.held[index][address] = word

        run(dut, driver(dut.i, beats, stall(1), 10_000), watch)


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
def test_every_word_comes_to_its_place(stall) -> None:
    got = Loaded(words(DATA), stall=stall)
    assert got.held == [list(memory.words) for memory in MEMORIES]
    assert got.incomplete[-1] == got.holds[-1] == 0


def test_one_memory_alone() -> None:
    (memory,) = MEMORIES[:1]
    assert Loaded(words(memory.encode()), (memory,)).held == [list(memory.words)]


def test_frames_are_held_from_the_first_byte_to_the_last() -> None:
    got = Loaded(words(DATA))
    taken = np.flatnonzero(got.incomplete)
    assert np.all(np.array(got.holds)[taken[0] - 1 : taken[-1] + 2])
    assert sum(got.holds) < len(got.holds)


@pytest.mark.parametrize("damaged", [DATA[:-1], DATA[:1], DATA + b"a", DATA + DATA])
def test_a_load_of_another_length_holds_frames_until_there_is_a_whole_one(damaged) -> None:
    got = Loaded(words(damaged))
    assert got.incomplete[-1] == got.holds[-1] == 1
    again = Loaded(words(damaged) + words(DATA))
    assert again.held == [list(memory.words) for memory in MEMORIES]
    assert again.incomplete[-1] == again.holds[-1] == 0


def test_what_follows_a_load_is_dropped() -> None:
    got = Loaded(words(DATA + bytes(len(DATA) + 3)))
    assert got.held == [list(memory.words) for memory in MEMORIES]
