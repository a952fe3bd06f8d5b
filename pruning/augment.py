"""Augmentation: pictures shifted by a little, and mirrored."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Shifts:
    """How pictures are shifted and mirrored.

    Parameters
    ----------
    down, across : (N,) int
        First row and column that is seen of a picture with an eighth of its size around it.
    mirrored : (N,) bool
        Whether left and right change places.
    """

    down: np.ndarray
    across: np.ndarray
    mirrored: np.ndarray

    @staticmethod
    def draw(shape: tuple[int, ...], rng: np.random.Generator) -> "Shifts":
        """Draw shifts of pictures (N, C, H, W), of up to an eighth, and mirror half of them."""
        count, _, height, width = shape
        down = rng.integers(0, 2 * (height // 8) + 1, count)
        across = rng.integers(0, 2 * (width // 8) + 1, count)
        return Shifts(down, across, rng.random(count) < 0.5)

    def __getitem__(self, part: slice) -> "Shifts":
        """Take those of some of the pictures."""
        return Shifts(self.down[part], self.across[part], self.mirrored[part])

    def apply(self, pictures: np.ndarray, offset: tuple[int, ...]) -> np.ndarray:
        """Shift and mirror pictures (N, C, H, W); what comes in at the sides is zero (`offset`)."""
        count, channels, height, width = pictures.shape
        top, left = height // 8, width // 8
        padded = np.empty((count, channels, height + 2 * top, width + 2 * left), pictures.dtype)
        padded[:] = np.array(offset or (0,) * channels, pictures.dtype)[:, None, None]
        padded[:, :, top : top + height, left : left + width] = pictures
        places = zip(padded, self.down, self.across, strict=True)
        found = np.stack([p[:, y : y + height, x : x + width] for p, y, x in places])
        found[self.mirrored] = found[self.mirrored, :, :, ::-1]
        return found


def shifted(pictures: np.ndarray, offset: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Shift pictures (N, C, H, W) at random by up to an eighth, and mirror half of them.

    What comes in at the sides means zero (`offset`).
    """
    return Shifts.draw(pictures.shape, rng).apply(pictures, offset)
