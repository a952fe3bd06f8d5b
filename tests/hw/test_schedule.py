import numpy as np
import pytest

from hw.layers import Conv, MaxPool
from hw.schedule import list_lengths, schedule
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


def lists(layer: Conv | MaxPool, channels: int, group: int):
    """Cut a schedule into ``(outputs, taps, weights)``; a tap is (row, channel, column)."""
    s = schedule(layer, channels, group)
    ends = np.flatnonzero(s.last) + 1
    taps = list(zip(s.row.tolist(), s.channel.tolist(), s.column.tolist(), strict=True))
    starts = [0, *ends[:-1]]
    cut = [slice(a, b) for a, b in zip(starts, ends, strict=True)]
    assert ends[-1] == len(taps)
    return s, [(o, taps[c], s.weight[c]) for o, c in zip(s.outputs.tolist(), cut, strict=True)]


@pytest.mark.parametrize("group", [1, 2, 3, 4])
@pytest.mark.parametrize(("options", "channels"), CASES.values(), ids=CASES)
def test_every_surviving_tap_is_walked_exactly_once(options, channels, group) -> None:
    layer = conv(np.random.default_rng(1), **options)
    s, cut = lists(layer, channels, group)
    many, inputs, _, _ = layer.weight.shape
    seen, walked = [], 0
    for outputs, taps, weights in cut:
        present = [o for o in outputs if o >= 0]
        assert outputs == present + [-1] * (group - len(present))
        seen += present
        kernels: dict[tuple, dict] = {}
        union = set()
        for o in present:
            first = o // (many // layer.groups) * inputs
            for c, i, j in np.argwhere(layer.survivors[o]).tolist():
                tap = (i * layer.dilation[0], first + c, j * layer.dilation[1])
                kernels.setdefault(tap, {})[o] = layer.weight[o, c, i, j]
                union.add(tap)
        real = taps[: len(union)]
        assert len(set(real)) == len(real)
        assert set(real) == union
        walked += len(union)
        assert len(taps) == max(len(union), group), "a list must leave its sums one a cycle"
        for tap, row in zip(real, weights, strict=False):
            expected = [kernels[tap].get(o, 0) for o in outputs]
            assert row.tolist() == expected
        assert not weights[len(union) :].any(), "a filler must add nothing"
    assert seen == list(range(many))
    assert s.taps == walked
    assert s.lengths == tuple(len(taps) for _, taps, _ in cut)
    assert list(s.lengths) == list_lengths(layer, channels, group)


def test_taps_of_a_list_go_channel_by_channel() -> None:
    layer = conv(np.random.default_rng(2), channels=(3, 2), density=0.6)
    for _, taps, _ in lists(layer, 3, 1)[1]:
        order = [(channel, row, column) for row, channel, column in taps]
        assert order == sorted(order)


def test_max_pool_walks_its_window_in_every_channel() -> None:
    s, cut = lists(MaxPool("p", "x", (2, 3)), 3, 1)
    assert (s.taps, s.lengths) == (18, (6, 6, 6))
    for channel, (outputs, taps, _) in enumerate(cut):
        assert outputs == [channel]
        assert taps == [(row, channel, column) for row in range(2) for column in range(3)]


def test_outputs_that_share_a_mask_cost_a_group_no_cycle() -> None:
    rng = np.random.default_rng(3)
    mask = np.repeat(rng.random((2, 4, 3, 3)) < 0.5, 2, axis=0)
    layer = Conv("c", "x", rng.integers(-9, 9, mask.shape) * mask, np.zeros(4, int), mask=mask)
    assert sum(list_lengths(layer, 4, 2)) * 2 == mask.sum()
