"""Rows are counted by hand: row `r` of the longer branch, and what has been sent by then."""

import numpy as np
import pytest

from hw.layers import Add, AvgPool, Concat, Input, MaxPool
from hw.network import Network
from hw.skew import common_source, longer, rows_ahead
from tests.hw.networks import NO_PADDING, conv

RNG = np.random.default_rng(1)


def identity(kernel: int = 3, height: int = 16) -> Network:
    """A block whose shortcut is what enters it, behind a layer."""
    window = (kernel, kernel)
    layers = (
        Input("x", (2, height, height)),
        conv(RNG, "a", "x", (2, 2)),
        conv(RNG, "b", "a", (2, 2), window),
        conv(RNG, "c", "b", (2, 2), window),
        Add("s", ("c", "a"), (1, 1), 1),
    )
    return Network("identity", layers)


def downsampling(top: int = 1, height: int = 16) -> Network:
    """A block that halves the map, whose shortcut is a 1x1 convolution."""
    layers = (
        Input("x", (2, height, height)),
        conv(RNG, "a", "x", (2, 2)),
        conv(RNG, "b", "a", (2, 4), stride=(2, 2), padding=(top, 1, 1, 1)),
        conv(RNG, "c", "b", (4, 4)),
        conv(RNG, "d", "a", (2, 4), (1, 1), stride=(2, 2), padding=NO_PADDING),
        Add("s", ("c", "d"), (1, 1), 1),
    )
    return Network("down", layers)


def option_a(height: int = 16) -> Network:
    layers = downsampling(height=height).layers[:4]
    shortcut = Add("s", ("c", "a"), (1, 1), 1, stride=(2, 2), channels=(-1, 0, 1, -1))
    return Network("option_a", (*layers, shortcut))


@pytest.mark.parametrize(("kernel", "rows"), [(1, 3), (3, 5), (5, 7), (7, 9)])
def test_identity_block(kernel, rows) -> None:
    """For row r, c's next window ends at row r + 1 + k // 2 of b, and b's one k // 2 + 1 further.

    So the rows r to r + 2 + 2 * (k // 2) of a have been sent.
    """
    assert rows_ahead(identity(kernel), "c", "a", 1) == rows


def test_short_map_holds_no_more_than_itself() -> None:
    assert rows_ahead(identity(3, height=4), "c", "a", 1) == 4


@pytest.mark.parametrize(("top", "rows"), [(1, 4), (0, 5)])
def test_downsampling_block(top, rows) -> None:
    """For row r, c wants row r + 2 of b, which works on r + 3: row 2 * (r + 3) + 2 - top of a.

    Of the shortcut that makes the rows r to r + 3; one more without padding at the top.
    """
    assert rows_ahead(downsampling(top), "c", "d", 1) == rows


def test_option_a() -> None:
    """Row 2 * r + 7 of a has been sent, of which rows 2 * r, 2 * r + 2, ... 2 * r + 6 count."""
    assert rows_ahead(option_a(), "c", "a", 2) == 4
    assert rows_ahead(option_a(4), "c", "a", 2) == 2


def test_branch_that_is_not_longer_lets_few_rows_wait() -> None:
    """A 1x1 convolution is one row ahead, for its next window."""
    layers = identity().layers[:2]
    beside = conv(RNG, "b", "a", (2, 2), (1, 1), padding=NO_PADDING)
    network = Network("beside", (*layers, beside, Add("s", ("b", "a"), (1, 1), 1)))
    assert rows_ahead(network, "b", "a", 1) == 2


def test_the_longer_branch() -> None:
    same, down = identity(), downsampling()
    assert longer(same, "c", "a")
    assert not longer(same, "a", "c")
    assert longer(down, "c", "d")
    assert not longer(down, "d", "c")
    assert longer(option_a(), "c", "a")
    layers = (*same.layers[:3], conv(RNG, "c", "a", (2, 2)), Add("s", ("b", "c"), (1, 1), 1))
    alike = Network("alike", layers)
    assert not longer(alike, "b", "c")
    assert not longer(alike, "c", "b")


def test_dilation_and_pooling_count_as_windows() -> None:
    """Windows reach 2 * 2 - 2 and 2 - 1 rows below: so far does row 0's next one, from row 1."""
    first = identity().layers[:2]
    wide = conv(RNG, "b", "a", (2, 2), dilation=(2, 2))
    pools = (
        MaxPool("p", "b", (3, 3), (1, 1), (1, 1, 1, 1)),
        AvgPool("q", "p", (3, 3), (1, 1), 7, 6, (1, 1, 1, 1)),
    )
    network = Network("windows", (*first, wide, *pools, Add("s", ("q", "a"), (1, 1), 1)))
    assert rows_ahead(network, "q", "a", 1) == 1 + (1 + 2) + (1 + 1) + (1 + 1)


def two_blocks() -> Network:
    layers = (
        *identity().layers,
        conv(RNG, "e", "s", (2, 2)),
        Add("t", ("e", "s"), (1, 1), 1),
        conv(RNG, "f", "t", (2, 2)),
        Add("u", ("f", "a"), (1, 1), 1),
    )
    return Network("two", layers)


def test_common_source_is_the_last_one() -> None:
    network = two_blocks()
    assert common_source(network, "c", "a") == "a"
    assert common_source(network, "e", "s") == "s"
    assert common_source(network, "f", "a") == "a"
    assert common_source(downsampling(), "c", "d") == "a"


def test_shortcut_around_blocks() -> None:
    """Four windows one behind the other, each a row ahead and reaching one below."""
    assert rows_ahead(two_blocks(), "f", "a", 1) == 1 + 4 * 2


def test_concat_is_as_long_as_its_longest() -> None:
    layers = (*identity().layers[:4], Concat("j", ("a", "c")), conv(RNG, "k", "a", (2, 4)))
    network = Network("joined", (*layers, Add("s", ("j", "k"), (1, 1), 1)))
    assert longer(network, "j", "k")
    assert rows_ahead(network, "j", "k", 1) == 4  # k makes row q of row q + 1; row r + 4 is there
