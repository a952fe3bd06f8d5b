import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw.layers import Conv, MaxPool
from hw.taps import TapList, dense, groups, row_lengths, tap_lists
from tests.hw.networks import conv

CASES = {
    "dense": ({}, 3),
    "weights": ({"density": 0.3}, 3),
    "kernels": ({"density": 0.4, "by_kernel": True, "channels": (5, 7)}, 5),
    "dilated": ({"dilation": (2, 3), "density": 0.5}, 3),
    "depthwise": ({"groups": 3, "channels": (3, 6), "density": 0.7}, 3),
    "grouped": ({"groups": 2, "channels": (4, 6)}, 4),
    "linear": ({"kernel": (4, 5), "padding": (0,) * 4, "raw": True}, 3),
    "empty": ({"density": 0}, 3),
}


def taps_of(layer: Conv, output: int) -> dict[tuple[int, int, int], int]:
    """Surviving taps of an output, by (row, column, channel), and their weights."""
    many, inputs, _, _ = layer.weight.shape
    first = output // (many // layer.groups) * inputs
    return {
        (i * layer.dilation[0], j * layer.dilation[1], first + c): int(
            layer.weight[output, c, i, j]
        )
        for c, i, j in np.argwhere(layer.survivors[output]).tolist()
    }


def walked(taps: TapList) -> list[tuple[int, int, int]]:
    columns = (taps.row.tolist(), taps.column.tolist(), taps.channel.tolist())
    return list(zip(*columns, strict=True))


@pytest.mark.parametrize("group", [1, 2, 3, 4])
@pytest.mark.parametrize(("options", "channels"), CASES.values(), ids=CASES)
def test_lists_are_the_unions_of_their_outputs_taps(options, channels, group) -> None:
    layer = conv(np.random.default_rng(1), **options)
    lists = tap_lists(layer, channels, group)
    assert sorted(o for taps in lists for o in taps.outputs) == list(range(len(layer.weight)))
    assert [len(taps.outputs) for taps in lists[:-1]] == [group] * (len(lists) - 1)
    for taps in lists:
        own = [taps_of(layer, o) for o in taps.outputs]
        found = walked(taps)
        order = sorted(set().union(*own), key=lambda tap: (tap[2], tap[0], tap[1]))
        assert found == order, "ordered by channel, row, column; each once"
        assert taps.weight.shape == (len(taps), len(taps.outputs))
        for tap, weights in zip(found, taps.weight.tolist(), strict=True):
            assert weights == [kernel.get(tap, 0) for kernel in own]
    assert [len(taps) for taps in lists] == row_lengths(layer, channels, group).sum(axis=1).tolist()


def union(mask: np.ndarray, members: tuple[int, ...]) -> int:
    return int(mask[list(members)].any(axis=0).sum())


@settings(derandomize=True, deadline=None, database=None, max_examples=100)
@given(
    seed=st.integers(0, 1 << 20),
    outputs=st.integers(1, 12),
    group=st.integers(1, 6),
    density=st.sampled_from([0.05, 0.3, 0.7, 1.0]),
    by_kernel=st.booleans(),
)
def test_permuted_groups_never_walk_more_than_natural_ones(
    seed, outputs, group, density, by_kernel
) -> None:
    rng = np.random.default_rng(seed)
    layer = conv(rng, channels=(4, outputs), density=density, by_kernel=by_kernel)
    mask = layer.survivors.reshape(outputs, -1)
    found = groups(layer, 4, group)
    natural = [tuple(range(o, min(o + group, outputs))) for o in range(0, outputs, group)]
    assert sorted(o for members in found for o in members) == list(range(outputs))
    assert [len(members) for members in found] == [len(members) for members in natural]
    assert sum(union(mask, g) for g in found) <= sum(union(mask, g) for g in natural)


def interleaved() -> Conv:
    """Outputs 0, 2, 4 share a mask, and so do 1, 3, 5."""
    rng = np.random.default_rng(3)
    mask = np.tile(rng.random((2, 4, 3, 3)) < 0.5, (3, 1, 1, 1))
    weight = rng.integers(1, 9, mask.shape) * mask
    return Conv("c", "x", weight, np.zeros(6, int), mask=mask)


def test_outputs_with_a_mask_in_common_are_put_together() -> None:
    layer = interleaved()
    assert sorted(groups(layer, 4, 3)) == [(0, 2, 4), (1, 3, 5)]
    assert row_lengths(layer, 4, 3).sum() * 3 == layer.survivors.sum()
    assert groups(layer, 4, 1) == tuple((o,) for o in range(6))


def test_outputs_that_share_a_mask_stay_in_their_order() -> None:
    rng = np.random.default_rng(3)
    mask = np.repeat(rng.random((2, 4, 3, 3)) < 0.5, 2, axis=0)
    layer = Conv("c", "x", rng.integers(-9, 9, mask.shape) * mask, np.zeros(4, int), mask=mask)
    assert groups(layer, 4, 2) == ((0, 1), (2, 3))
    assert row_lengths(layer, 4, 2).sum() * 2 == mask.sum()


def test_max_pool_walks_its_window_in_every_channel() -> None:
    lists = tap_lists(MaxPool("p", "x", (2, 3)), 3, 1)
    assert [taps.outputs for taps in lists] == [(0,), (1,), (2,)]
    for channel, taps in enumerate(lists):
        assert walked(taps) == [(i, j, channel) for i in range(2) for j in range(3)]


def test_dense_mask_and_weight_reach_only_a_groups_own_channels() -> None:
    layer = conv(np.random.default_rng(1), groups=2, channels=(4, 6), density=0.6)
    mask, weight = dense(layer, 4)
    assert mask.shape == weight.shape == (6, 4, 3, 3)
    np.testing.assert_array_equal(mask[:3, :2], layer.survivors[:3])
    np.testing.assert_array_equal(weight[3:, 2:], layer.weight[3:])
    assert not mask[:3, 2:].any()
    assert not weight[3:, :2].any()
