"""Survivors of networks that are cut by hand, and their places before."""

import numpy as np

from hw.layers import Add, Concat, Conv, Input, MaxPool
from hw.network import Network
from reports.survivors import blocks, original_channels, surviving_kernels

ONE = (1, 1)


def conv(name, source, weight, channels=(), mask=None, groups=1, last=False):
    outputs, kernel = weight.shape[0], weight.shape[2]
    scale = None if last else np.full(outputs, 3)
    padding = (kernel // 2,) * 4
    return Conv(
        name,
        source,
        weight,
        np.zeros(outputs, int),
        scale,
        scale,
        mask,
        padding=padding,
        groups=groups,
        channels=channels,
    )


def ones(*shape):
    return np.ones(shape, int)


def test_kernels_are_where_they_were_before_maps_went():
    def network(first, second, **cut):
        return Network(
            "n",
            (
                Input("image", (2, 4, 4), bits=5),
                conv("a", "image", first, **cut),
                MaxPool("pool", "a"),
                conv("b", "pool", second, last=True),
            ),
        )

    before = network(ones(4, 2, 3, 3), ones(3, 4, 1, 1))
    mask = np.ones((2, 2, 3, 3), bool)
    mask[1, 0, :, 1:] = False
    after = network(mask.astype(int), ones(3, 2, 1, 1), channels=(1, 3), mask=mask)
    found = surviving_kernels(before, after)
    gone = np.nan
    np.testing.assert_array_equal(found["a"], [[gone] * 2, [1, 1], [gone] * 2, [1 / 3, 1]])
    np.testing.assert_array_equal(found["b"], [[gone, 1, gone, 1]] * 3)


def test_layers_that_nothing_was_taken_from_are_left_out():
    layers = (Input("image", (2, 4, 4), bits=5), conv("a", "image", ones(3, 2, 1, 1), last=True))
    whole = Network("n", layers)
    assert surviving_kernels(whole, whole) == {}


def test_channels_are_followed_through_groups_concats_and_adds():
    def network(a, b, kept_a, kept_b):
        joined = a + b
        return Network(
            "n",
            (
                Input("image", (2, 4, 4), bits=5),
                conv("a", "image", ones(a, 2, 1, 1), kept_a),
                conv("b", "image", ones(b, 2, 1, 1), kept_b),
                conv("depthwise", "b", ones(b, 1, 3, 3), kept_b, groups=b),
                Add("add", ("b", "depthwise"), (1, 1), 1, bits=8),
                Concat("both", ("a", "add")),
                conv("out", "both", ones(2, joined, 1, 1), last=True),
            ),
        )

    before, after = network(3, 4, (), ()), network(2, 3, (0, 2), (0, 1, 3))
    assert original_channels(before, after)["both"] == (0, 2, 3, 4, 6)
    found = surviving_kernels(before, after)
    gone = np.nan
    np.testing.assert_array_equal(found["depthwise"], [[1], [1], [gone], [1]])
    np.testing.assert_array_equal(found["out"], [[1, gone, 1, 1, 1, gone, 1]] * 2)


def test_kernels_of_groups_are_counted_within_their_group():
    def network(kept, shape, mask=None):
        return Network(
            "n",
            (
                Input("image", (1, 4, 4), bits=5),
                conv("a", "image", ones(len(kept) or 6, 1, 1, 1), kept),
                conv("b", "a", ones(*shape), groups=2, last=True),
            ),
        )

    before, after = network((), (4, 3, 1, 1)), network((0, 2, 3, 4), (4, 2, 1, 1))
    gone = np.nan
    wanted = [[1, gone, 1]] * 2 + [[1, 1, gone]] * 2
    np.testing.assert_array_equal(surviving_kernels(before, after)["b"], wanted)


def test_large_layers_are_averaged_in_blocks():
    kernels = np.array([[1, 0.5, np.nan], [0, np.nan, np.nan], [1, 1, 0.25]])
    cells, side = blocks(kernels, 2)
    assert side == 2
    np.testing.assert_array_equal(cells, [[1.5 / 4, np.nan], [1, 0.25]])
    cells, side = blocks(kernels, 3)
    assert side == 1
    np.testing.assert_array_equal(cells, kernels)
