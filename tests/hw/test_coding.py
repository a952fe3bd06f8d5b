import re
from dataclasses import replace

import numpy as np
import pytest
from amaranth.back import verilog
from hypothesis import given, settings

from hw.coding import by_kernel, by_offset, encode
from hw.kernel_coding import KernelProgram
from hw.layer_plan import LayerPlan
from hw.layers import MaxPool
from hw.parts.tap_walker import TapWalker
from hw.passes import Pass, events
from hw.plan import Fold
from tests.hw.codings import coded, layer_plans, mask, skipped
from tests.hw.networks import conv, layer_plan

RNG = np.random.default_rng(1)
drawn = settings(derandomize=True, deadline=None, database=None, max_examples=300)


@drawn
@given(plan=layer_plans())
def test_what_is_stored_is_what_is_walked(plan: LayerPlan) -> None:
    """Every tap at its place; what is idle reads nothing, or what its weight of zero ignores."""
    walk, walked = plan.walk, plan.schedule
    real = ~walk.idle
    for made in (by_offset(walk), by_kernel(walk)):
        found = made.decode(len(walk))
        np.testing.assert_array_equal(found.row[real], walk.row[real])
        np.testing.assert_array_equal(found.offset[real], walk.offset[real])
        np.testing.assert_array_equal(found.blank, walk.idle & (not plan.is_conv))
        assert (found.row < plan.extent[0]).all()
        assert (found.offset < plan.stores[0].row_words).all()
        if plan.is_conv:
            assert not walked.weight[walk.idle].any()
    chosen = encode(walk)
    assert chosen.luts == min(by_offset(walk).luts, by_kernel(walk).luts)


@drawn
@given(plan=layer_plans())
def test_offsets_are_those_of_taps_in_the_row_buffer(plan: LayerPlan) -> None:
    walk, walked = plan.walk, plan.schedule
    for e, r in np.argwhere(~walk.idle).tolist():
        word = plan.segments.word(walked.column[e, r])
        place = plan.copies[r].index(walked.channel[e, r])
        assert word is not None
        assert walk.offset[e, r] == word * plan.stores[0].words_per_column + place


@drawn
@given(plan=layer_plans())
def test_events_say_when_sums_are_complete(plan: LayerPlan) -> None:
    """Count the entries between them, around and around from the first."""
    walked, made = plan.schedule, Pass.whole(plan.schedule)
    rom, places = events((made,)), made.places
    last, ends = np.zeros_like(walked.last), np.zeros_like(walked.ends)
    at = places[0]
    for index in range(len(places)):
        word = index % len(rom)
        at += rom.fields["between"][word] + 1
        last[at % len(walked)] = [rom.fields[f"last_{r}"][word] for r in range(walked.sequencers)]
        ends[at % len(walked)] = rom.fields["ends"][word]
    assert at == places[0] + len(walked), "once around"
    np.testing.assert_array_equal(last, walked.last)
    np.testing.assert_array_equal(ends, walked.ends)


def large(granularity: str, fold: Fold, channels: int = 16) -> LayerPlan:
    """Plan a layer on a map that is too high to skip its padding."""
    layer = conv(RNG, channels=(channels, 16))
    kept = mask(granularity, layer.weight.shape, np.random.default_rng(1))
    return layer_plan(
        replace(layer, weight=layer.weight * kept, mask=kept), (channels, 64, 8), fold
    )


def test_dense_layer_stores_a_walk_over_one_kernel() -> None:
    """Nine taps: two bits of the row, two of the column, and the end; that is all."""
    plan = large("dense", Fold(4))
    assert plan.coding.name == "kernel"
    assert plan.schedule_bits == 9 * (2 + 2 + 1)


def test_grid_that_alternates_with_the_channels_stores_a_walk_over_two_kernels() -> None:
    plan = large("grid", Fold(4))
    assert plan.coding.name == "kernel"
    assert plan.schedule_bits == 9 * (2 + 2 + 1 + 1)  # a bit for the channel


@pytest.mark.parametrize("sequencers", [1, 3])
@pytest.mark.parametrize("channels", [16, 24])
def test_mask_of_kernels_takes_less_than_a_bit_a_tap(sequencers, channels) -> None:
    """A channel, a pattern and a length for every run of kernels."""
    plan = large("kernels", Fold(4, 1, sequencers), channels)
    assert plan.coding.name == "kernel"
    assert plan.schedule_bits < plan.taps * (1 if sequencers == 1 else 1.5)


def test_mask_of_weights_takes_the_bits_of_channel_and_place() -> None:
    """Four for one of 16 channels, four for one of nine places: and what the places are."""
    plan = large("weights", Fold(4))
    (program,) = by_kernel(plan.walk).programs
    assert program.bits <= plan.taps * (4 + 4) + 9 * 4
    assert plan.coding.bits < by_offset(plan.walk).bits


def test_few_bits_are_not_saved_at_the_price_of_many_luts() -> None:
    """A few taps on several sequencers."""
    plan = layer_plan(conv(RNG, channels=(1, 16)), (1, 8, 8), Fold(8, 1, 5))
    kernels = by_kernel(plan.walk)
    assert kernels.bits < plan.coding.bits
    assert plan.coding.name == "offset"


def test_sequencers_that_walk_alike_share_what_is_stored() -> None:
    layer = conv(RNG, channels=(8, 8), groups=8)
    plan = layer_plan(layer, (8, 8, 8), Fold(4, 1, 4))
    assert plan.copies == ((0, 1), (2, 3), (4, 5), (6, 7))
    found = by_kernel(plan.walk)
    assert len(found.programs) == 1
    assert found.sources == ((0, 0),) * 4


def test_ends_of_walks_are_stored_once() -> None:
    """Four lists of two kernels cut for three: six and then twelve taps are cut off at an end."""
    plan = layer_plan(conv(RNG, channels=(2, 4)), (2, 8, 8), Fold(4, 1, 3))
    found = by_kernel(plan.walk).programs
    words = [len(p.patterns) for p in found if isinstance(p, KernelProgram)]
    assert words == [9 + 6, 9 + 3, 9], "first taps take words of their own, last ones do not"


def memories(text: str) -> int:
    """Bits of all memories of a Verilog file."""
    found = re.findall(r"reg (?:\[(\d+):0\] )?\S+ \[(\d+):0\];", text)
    return sum((int(width or 0) + 1) * (int(depth) + 1) for width, depth in found)


PLANS = {
    "dense": large("dense", Fold(4)),
    "dense on three": large("dense", Fold(2, 1, 3)),
    "kernels": large("kernels", Fold(2, 1, 5)),
    "weights": large("weights", Fold(2, 2, 2)),
    "pooling": layer_plan(MaxPool("p", "x"), (3, 6, 6), Fold(2, 1, 2)),
    "1x1": layer_plan(conv(RNG, channels=(5, 7), kernel=(1, 1)), (5, 4, 4), Fold(2, 1, 2)),
}


@pytest.mark.parametrize("name", ["dense", "dense on three", "kernels"])
def test_bits_of_a_layer_that_skips_are_those_that_are_generated(name) -> None:
    plan = skipped(PLANS[name])
    assert plan is not None
    text = verilog.convert(TapWalker(plan), name="top")
    assert memories(text) == plan.schedule_bits > PLANS[name].schedule_bits


@pytest.mark.parametrize("coding", [by_offset, by_kernel])
@pytest.mark.parametrize("name", PLANS)
def test_bits_are_those_of_the_memories_that_are_generated(name, coding) -> None:
    plan = coded(PLANS[name], coding)
    text = verilog.convert(TapWalker(plan), name="top")
    assert memories(text) == plan.schedule_bits == plan.memory_bits["schedule"]
