import numpy as np
import pytest

from hw.columns import Columns
from hw.layers import MaxPool
from hw.parts.beats import beat
from hw.parts.writer import Writer
from hw.plan import Fold, LayerPlan
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import crossed_stalls, driver, run


def plans() -> dict[str, LayerPlan]:
    rng = np.random.default_rng(1)
    shape = (2, 4, 9)
    five = conv(rng, channels=(2, 2), kernel=(3, 5), padding=(1, 1, 2, 2))
    down = conv(rng, channels=(2, 2), stride=(2, 2))
    return {
        "one pixel to three lanes": layer_plan(conv(rng, channels=(2, 2)), shape, Fold(3), 1),
        "four pixels to two lanes": layer_plan(five, shape, Fold(2), 4),
        "two pixels to five lanes, stride 2": layer_plan(down, shape, Fold(5), 2),
        "pooling that leaves a column out": layer_plan(MaxPool("p", "x"), shape, Fold(4), 3),
        "signed": layer_plan(conv(rng, channels=(2, 2)), shape, Fold(9), 9, signed=True),
    }


def beats_of(plan: LayerPlan, row: np.ndarray, rng: np.random.Generator) -> list[int]:
    """Beats of a row (C, W), in any order."""
    columns: Columns = plan.producer
    layout, words = beat(plan.source, columns), []
    padded = np.pad(row, ((0, 0), (0, columns.block * columns.lanes - row.shape[1])))
    for channel in range(row.shape[0]):
        for column in range(columns.block):
            pixels = padded[channel, column :: columns.block].tolist()
            words.append(
                layout.const({"channel": channel, "column": column, "pixels": pixels}).as_bits()
            )
    return [words[k] for k in rng.permutation(len(words))]


@crossed_stalls
@pytest.mark.parametrize(("name"), plans())
def test_rows_are_written_where_the_lanes_read_them(name, i_stall, o_stall) -> None:
    plan = plans()[name]
    rng = np.random.default_rng(2)
    dut, ring, low = Writer(plan), plan.rows.ring, plan.source.low
    channels, _, width = plan.source.shape
    count = 3 * ring + 1
    rows = rng.integers(low, plan.source.high, (count, channels, width), endpoint=True)
    words = [word for row in rows for word in beats_of(plan, row, rng)]
    memory = np.full((plan.depth, plan.fold.P), -999)
    stalls = o_stall(3)

    def check(slot: int, row: np.ndarray) -> None:
        words_of = memory[slot * plan.row_words : (slot + 1) * plan.row_words]
        for word in range(plan.segments.words):
            for lane in range(plan.fold.P):
                x = lane * plan.segments.pitch - plan.segments.padding + word
                want = row[:, x] if 0 <= x < width else [-999] * channels
                np.testing.assert_array_equal(
                    words_of[word * channels : (word + 1) * channels, lane], want
                )

    async def bench(ctx):
        done = released = 0
        for _ in range(20_000):
            occupied = done - released
            free = int(occupied > 0 and not next(stalls))
            ctx.set(dut.release, free)
            released += free
            _, _, address, enable, row_done, *pixels = await ctx.tick().sample(
                dut.address, dut.enable, dut.row_done, *dut.data
            )
            for lane in range(plan.fold.P):
                if enable >> lane & 1:
                    slot = address // plan.row_words
                    assert slot == done % ring, "only the row on its way may be written"
                    memory[address, lane] = pixels[lane]
            if row_done:
                check(done % ring, rows[done])
                done += 1
                assert done - released <= ring
            if done == count:
                return
        raise AssertionError(f"{done} of {count} rows were written")

    run(dut, driver(dut.i, words, i_stall(1), 20_000), bench)


@pytest.mark.parametrize("name", plans())
def test_a_row_takes_as_many_cycles_as_it_has_writes(name) -> None:
    plan = plans()[name]
    dut, rng = Writer(plan), np.random.default_rng(4)
    channels, height, width = plan.source.shape
    rows = np.zeros((3, channels, width), int)
    words = [word for row in rows for word in beats_of(plan, row, rng)]
    ends = []

    async def bench(ctx):
        for now in range(2000):
            _, _, done = await ctx.tick().sample(dut.row_done)
            ctx.set(dut.release, done)
            if done:
                ends.append(now)
            if len(ends) == 3:
                return

    run(dut, driver(dut.i, words, iter(lambda: False, True), 2000), bench)
    assert np.diff(ends).tolist() == [plan.write_cycles // height] * 2


def test_full_ring_is_not_written_to() -> None:
    plan = plans()["signed"]
    dut, rng = Writer(plan), np.random.default_rng(5)
    row = np.ones((2, 9), int)
    words = beats_of(plan, row, rng)
    taken = []

    async def bench(ctx):
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.i.payload.as_value(), words[0])
        for _ in range(40 * plan.rows.ring):
            _, _, ready = await ctx.tick().sample(dut.i.ready)
            taken.append(ready)

    run(dut, bench)
    assert sum(taken) == plan.rows.ring * len(words)
    assert not any(taken[-10:])
