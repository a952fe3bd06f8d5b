"""Layers of every granularity, and plans with a coding that is not the cheapest one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from hw.coding import Coding, by_kernel
from hw.layer_plan import LayerPlan
from hw.layers import Conv, MaxPool
from hw.plan import Fold
from hw.skipping import skip
from hw.walk import Walk
from tests.hw.networks import conv, layer_plan

GRANULARITIES = (
    "dense",
    "channels",
    "kernels",
    "groups",
    "grid",
    "columns",
    "weights",
    "depthwise",
)


def coded(plan: LayerPlan, coding: Callable[[Walk], Coding]) -> LayerPlan:
    """Plan with the given coding in place of the cheapest one."""
    made = replace(plan)
    vars(made).update(walked=(made.schedule, None), coding=coding(made.walk))
    return made


def mask(granularity: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Survivors (O, C, Kh, Kw) of about half of all units; sometimes none."""
    many, inputs, kh, kw = shape
    each = {
        "dense": np.ones((1, 1, 1, 1), bool),
        "channels": rng.random((1, inputs, 1, 1)) < 0.5,
        "kernels": rng.random((many, inputs, 1, 1)) < 0.5,
        "groups": np.repeat(rng.random((many, inputs, 1, 1)) < 0.5, 2, axis=0)[:many],
        "grid": (np.arange(kh * kw).reshape(kh, kw) + np.arange(inputs)[:, None, None])[None] % 2
        == 0,
        "columns": rng.random((1, inputs, kh, kw)) < 0.5,
        "weights": rng.random(shape) < rng.choice([0.1, 0.5, 0.8]),
        "depthwise": rng.random(shape) < 0.9,
    }
    return np.broadcast_to(each[granularity], shape)


@st.composite
def layer_plans(draw) -> LayerPlan:
    """One layer on a small picture, pruned and folded any way, or a pooling."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))

    def number(low: int, high: int) -> int:
        return draw(st.integers(low, high))

    channels, many = number(1, 9), number(1, 8)
    shape, stride = (channels, number(4, 6), number(6, 9)), (number(1, 2), number(1, 2))
    if number(0, 7) == 0:
        pooling = MaxPool("p", "x", (number(1, 3), number(1, 3)), stride)
        return layer_plan(pooling, shape, Fold(number(1, 2), 1, number(1, channels)))
    granularity, side = draw(st.sampled_from(GRANULARITIES)), number(1, 4)
    groups = channels if granularity == "depthwise" else 1
    many = channels * number(1, 2) if groups > 1 else many
    dilation = (number(1, 2), 1) if side < 3 else (1, 1)
    layer = conv(
        rng, "c", "x", (channels, many), (side, side), stride=stride, groups=groups,
        dilation=dilation,
    )  # fmt: skip
    kept = mask(granularity, layer.weight.shape, rng)
    pruned: Conv = replace(layer, weight=layer.weight * kept, mask=kept)
    fold = Fold(number(1, 2), number(1, many), number(1, many), number(1, min(many, 3)))
    return layer_plan(pruned, shape, fold)


def skipped(plan: LayerPlan) -> LayerPlan | None:
    """Plan that skips taps in rows outside the picture wherever it can, whatever that costs."""
    made = replace(plan)
    lists = [taps.outputs for taps in made.lists]
    found = skip(made.schedule, by_kernel(made.walk), made.rows, lists, made.columns.block)
    vars(made)["walked"] = made.schedule, found
    return made if found else None
