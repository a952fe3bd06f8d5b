from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hw.columns import Columns
from hw.layers import MaxPool
from hw.link import Link
from hw.parts.writer import Writer
from hw.plan import Fold, LayerPlan
from tests.hw.beats import to_beats
from tests.hw.networks import conv, layer_plan
from tests.hw.streams import crossed_stalls, driver, never, run


def plans() -> dict[str, LayerPlan]:
    rng = np.random.default_rng(1)
    shape = (2, 4, 9)
    five = conv(rng, channels=(2, 2), kernel=(3, 5), padding=(1, 1, 2, 2))
    down = conv(rng, channels=(2, 2), stride=(2, 2))
    point = conv(rng, channels=(2, 2), kernel=(1, 1), stride=(2, 2))
    depthwise = conv(rng, channels=(5, 5), groups=5, density=0.8)
    kernels = conv(rng, channels=(7, 4), density=0.3, by_kernel=True)
    mask = kernels.survivors & (np.arange(7) != 3)[:, None, None]  # nobody reads channel 3
    unread = replace(kernels, weight=kernels.weight * mask, mask=mask)
    two = layer_plan(conv(rng, channels=(5, 4)), (5, 4, 9), Fold(3), 2)
    columns = Columns(9, 2)
    two_streams = Link("x", two.source, columns, ((0, 3, 4), (2, 1, -1)))
    seven = layer_plan(unread, (7, 4, 9), Fold(3, 1, 2), 2)
    four_streams = Link("x", seven.source, columns, ((5, 3), (2, 1), (0, -1), (4, 6)))
    return {
        "two streams": replace(two, links=(two_streams,)),
        "four streams, unread channels": replace(seven, links=(four_streams,)),
        "unread rows and columns": layer_plan(point, shape, Fold(2), 3),
        "depthwise on three": layer_plan(depthwise, (5, 4, 9), Fold(2, 1, 3), 2),
        "unread channels": layer_plan(unread, (7, 4, 9), Fold(3), 2),
        "unread channels, two": layer_plan(unread, (7, 4, 9), Fold(3, 1, 2), 4),
        "pooling on two": layer_plan(MaxPool("p", "x"), (3, 5, 6), Fold(3, 1, 2), 2, signed=True),
        "one pixel to three lanes": layer_plan(conv(rng, channels=(2, 2)), shape, Fold(3), 1),
        "four pixels to two lanes": layer_plan(five, shape, Fold(2), 4),
        "two pixels to five lanes, stride 2": layer_plan(down, shape, Fold(5), 2),
        "pooling that leaves a column out": layer_plan(MaxPool("p", "x"), shape, Fold(4), 3),
        "signed": layer_plan(conv(rng, channels=(2, 2)), shape, Fold(9), 9, signed=True),
    }


UNWRITTEN = -999


def test_copies_hold_the_channels_that_are_read() -> None:
    """A depthwise layer's are partitioned; a channel that nobody reads is nowhere."""
    made = plans()
    depthwise = made["depthwise on three"]
    cut = [p.output for p in depthwise.schedule.picks if len(p.sequencers) == 2]
    assert cut, "the list of a channel is cut, which is in both copies then"
    assert sorted(c for copy in depthwise.copies for c in copy) == sorted([*range(5), *cut])
    even = conv(np.random.default_rng(1), channels=(6, 6), groups=6)
    whole = layer_plan(even, (6, 4, 9), Fold(2, 1, 3), 2)
    assert sorted(c for copy in whole.copies for c in copy) == list(range(6))
    assert whole.stores[0].words_per_column == 2
    (copy,) = made["unread channels"].copies
    assert copy == tuple(np.flatnonzero(made["unread channels"].conv.survivors.any((0, 2, 3))))
    assert 3 not in copy
    assert not any(3 in copy for copy in made["unread channels, two"].copies)
    point = made["unread rows and columns"]
    assert point.rows.stored == (True, False, True, False)
    assert point.stores[0].row_words == 2 * 3  # of nine columns five, on two lanes


def wanted(plan: LayerPlan, channels: tuple[int, ...], row: np.ndarray) -> np.ndarray:
    """Words (row_words, P) of a row (C, W) in a bank: what some tap can read, and nothing else."""
    words = np.full((plan.segments.words, plan.stores[0].words_per_column, plan.fold.P), UNWRITTEN)
    block, stride, padding = plan.columns.block, plan.layer.stride[1], plan.layer.padding[2]
    read = {column for taps in plan.lists for column in taps.column.tolist()}
    for lane, place, tap in product(range(plan.fold.P), range(block), read):
        x = (lane * block + place) * stride + tap - padding
        if 0 <= x < row.shape[1]:
            word = plan.segments.first_word(tap) + place
            words[word, : len(channels), lane] = row[list(channels), x]
    return words.reshape(-1, plan.fold.P)


@crossed_stalls
@pytest.mark.parametrize(("name"), plans())
def test_rows_are_written_where_the_lanes_read_them(name, i_stall, o_stall) -> None:
    plan = plans()[name]
    rng = np.random.default_rng(2)
    (store,) = plan.stores
    dut, ring, low = Writer(store), store.rows.ring, plan.source.low
    channels, height, _ = plan.source.shape
    kept = plan.rows.stored[plan.rows.top :][:height]
    count = 2 * ring + 1
    arriving = np.searchsorted(np.cumsum(kept * count), count) + 1  # the last one is stored
    shape = arriving, channels, plan.source.shape[2]
    rows = rng.integers(low, plan.source.high, shape, endpoint=True)
    words = to_beats(rows[:, :, None], store.link)
    stored = [row for y, row in enumerate(rows) if kept[y % height]]
    memory = np.full((len(store.banks), store.depth, plan.fold.P), UNWRITTEN)
    lanes, streams = plan.fold.P, len(store.link.streams)
    stalls = o_stall(3)

    def check(slot: int, row: np.ndarray) -> None:
        words_of = memory[:, slot * store.row_words : (slot + 1) * store.row_words]
        for bank, found in zip(store.banks, words_of, strict=True):
            np.testing.assert_array_equal(found, wanted(plan, bank.channels, row))

    async def bench(ctx):
        done = released = 0
        for _ in range(20_000):
            occupied = done - released
            free = int(occupied > 0 and not next(stalls))
            ctx.set(dut.release, free)
            released += free
            _, _, row_done, *values = await ctx.tick().sample(
                dut.row_done,
                *(dut.data[e][p] for e, p in np.ndindex(streams, lanes)),
                *dut.address,
                *dut.enable,
            )
            pixels, ports = values[: streams * lanes], values[streams * lanes :]
            for index, bank in enumerate(store.banks):
                address, enable = ports[index], ports[len(store.banks) + index]
                for lane in range(lanes):
                    if enable >> lane & 1:
                        slot = address // store.row_words
                        assert slot == done % ring, "only the row on its way may be written"
                        memory[index, address, lane] = pixels[bank.stream * lanes + lane]
            if row_done:
                check(done % ring, stored[done])
                done += 1
                assert done - released <= ring
            if done == count:
                return
        raise AssertionError(f"{done} of {count} rows were written")

    run(dut, driver(dut.i, words, i_stall(1), 20_000), bench)


@pytest.mark.parametrize("name", plans())
def test_a_row_takes_as_many_cycles_as_it_has_writes(name) -> None:
    """And one that is not read takes one cycle a beat."""
    plan = plans()[name]
    (store,) = plan.stores
    dut = Writer(store)
    channels, height, width = plan.source.shape
    kept = plan.rows.stored[plan.rows.top :][:height]
    rows = np.zeros((height * 2, channels, 1, width), int)
    words = to_beats(rows, store.link)
    ends, expected = [], sum(kept) * 2

    async def bench(ctx):
        for now in range(2000):
            _, _, done = await ctx.tick().sample(dut.row_done)
            ctx.set(dut.release, done)
            if done:
                ends.append(now)
            if len(ends) == expected:
                return

    run(dut, driver(dut.i, words, never(), 2000), bench)
    steps = sum(len(writes) for writes in store.writes)
    written, dropped = steps * len(store.link.streams[0]), len(words) // len(rows)
    cycles = np.cumsum([written if kept[y % height] else dropped for y in range(len(rows))])
    starts = [cycles[y] for y in range(len(rows)) if kept[y % height]]
    assert np.diff(ends).tolist() == np.diff(starts).tolist()


def test_full_ring_is_not_written_to() -> None:
    plan = plans()["signed"]
    (store,) = plan.stores
    dut = Writer(store)
    words = to_beats(np.ones((1, 2, 1, 9), int), store.link)
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
