import numpy as np

from pruning.augment import Shifts, shifted


def test_shifted_pictures_are_parts_of_the_padded_ones() -> None:
    rng = np.random.default_rng(1)
    pictures = rng.integers(1, 200, (40, 2, 16, 8), dtype=np.uint8)
    found = shifted(pictures, (7, 9), rng)
    assert (found.shape, found.dtype) == (pictures.shape, pictures.dtype)
    padded = np.empty((40, 2, 20, 10), np.uint8)
    padded[:, 0], padded[:, 1] = 7, 9
    padded[:, :, 2:18, 1:9] = pictures
    mirrored = 0
    for picture, whole in zip(found, padded, strict=True):
        windows = [whole[:, y : y + 16, x : x + 8] for y in range(5) for x in range(3)]
        straight = any(np.array_equal(picture, window) for window in windows)
        mirrored += not straight
        assert straight or any(np.array_equal(picture, window[:, :, ::-1]) for window in windows)
    assert 8 < mirrored < 32


def test_a_part_of_the_pictures_is_shifted_as_it_is_among_all() -> None:
    pictures = np.random.default_rng(1).integers(0, 99, (9, 1, 8, 8), dtype=np.uint8)
    whole = shifted(pictures, (), np.random.default_rng(2))
    shifts = Shifts.draw(pictures.shape, np.random.default_rng(2))
    part = slice(4, 7)
    np.testing.assert_array_equal(shifts[part].apply(pictures[part], ()), whole[part])
    assert (whole != pictures).any()
