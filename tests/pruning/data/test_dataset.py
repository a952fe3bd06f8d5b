import numpy as np
import pytest

from pruning.data.dataset import Pixels, Split, hold_out


def test_hold_out_takes_the_same_share_of_every_class():
    labels = np.repeat([0, 1, 2], [40, 20, 8])
    split = Split(np.arange(68, dtype=np.uint8)[:, None, None, None], labels)
    kept, held = hold_out(split, 0.25, seed=1)
    assert np.bincount(held.labels).tolist() == [10, 5, 2]
    assert np.bincount(kept.labels).tolist() == [30, 15, 6]
    together = np.concatenate([kept.images, held.images]).ravel()
    assert sorted(together.tolist()) == list(range(68))
    np.testing.assert_array_equal(labels[held.images.ravel()], held.labels)
    assert (np.diff(held.images.ravel().astype(int)) > 0).all()


def test_hold_out_is_decided_by_the_seed():
    split = Split(np.arange(60, dtype=np.uint8)[:, None, None, None], np.arange(60) % 3)
    one, same, other = (hold_out(split, 0.3, seed)[1].images.ravel() for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert set(one.tolist()) != set(other.tolist())


def test_a_split_can_be_sliced():
    split = Split(np.arange(5, dtype=np.uint8)[:, None, None, None], np.arange(5))
    assert len(split[:3]) == 3
    assert split[1:3].labels.tolist() == split[1:3].images.ravel().tolist() == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (((1, 8), 8, (1.0,)), r"^shape must be three positive numbers, not \(1, 8\)$"),
        (((1, 8, 0), 8, (1.0,)), r"^shape must be three positive numbers, not \(1, 8, 0\)$"),
        (((1, 8, 8), 9, (1.0,)), r"^bits must be 2 to 8, not 9$"),
        (((2, 8, 8), 8, (1.0,)), r"^scale and offset must have 2 entries$"),
        (((1, 8, 8), 8, (1.0,), (1, 2)), r"^scale and offset must have 1 entries$"),
        (((1, 8, 8), 8, (float("nan"),)), r"^scale must be positive, not \(nan,\)$"),
    ],
)
def test_pixels_refuse(arguments: tuple, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        Pixels(*arguments)
