"""Engines of one layer, driven."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hw.columns import Columns
from hw.layer import LayerEngine
from hw.link import Link
from hw.plan import LayerPlan
from tests.hw.beats import from_beats, to_beats
from tests.hw.streams import Transfers, collector, driver, never, run


def behind_concat(made: LayerPlan, *streams: tuple[tuple[int, ...], ...]) -> LayerPlan:
    """Plan a layer whose channels come from several layers, in streams and lanes of their own."""
    form, links = made.source, []
    for k, carried in enumerate(streams):
        channels = max(c for stream in carried for c in stream) + 1
        part = replace(form, shape=(channels, *form.shape[1:]), channels=tuple(range(channels)))
        links.append(Link(f"x{k}", part, Columns(form.shape[2], 1 + 2 * k), carried))
    return replace(made, links=tuple(links), ahead=tuple(range(len(links))))


def check(
    plan: LayerPlan, i_stall: Callable = never, o_stall: Callable = never, frames: int = 3
) -> None:
    """Assert that the beats of a layer's engine are its exact result."""
    rng, low, high = np.random.default_rng(2), plan.source.low, plan.source.high
    x = rng.integers(low, high, (frames, *plan.source.shape), endpoint=True)
    out, limit = Transfers(), 20_000
    dut = LayerEngine(plan)
    count = frames * plan.result.shape[1] * plan.link.row_beats
    parts = zip(plan.links, plan.first_channels, dut.inlets, strict=True)
    benches = [
        driver(inlet, to_beats(x[:, a : a + link.activation.shape[0]], link), i_stall(k), limit)
        for k, (link, a, inlet) in enumerate(parts)
    ]
    run(dut, *benches, collector(dut.o, count, o_stall(9), limit, out, extra=20))
    got = from_beats(out.words, plan.link)
    np.testing.assert_array_equal(got, plan.layer.compute(x, plan.source))
