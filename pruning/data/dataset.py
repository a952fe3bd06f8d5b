"""Pictures with labels, split into training, validation and test."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Pixels:
    """How the integers of a picture become real numbers: ``(element - offset) * scale``.

    Parameters
    ----------
    shape : (C, H, W)
        Channels, rows, columns.
    bits : int
        Width of an element; elements are unsigned.
    scale : (C,) float
        Real value of one least significant bit.
    offset : (C,) int or empty
        Element that means zero; empty for zero.
    """

    shape: tuple[int, int, int]
    bits: int
    scale: tuple[float, ...]
    offset: tuple[int, ...] = ()

    @staticmethod
    def of(record: dict[str, Any]) -> "Pixels":
        """Make it of what JSON holds."""
        pairs = record.items()
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in pairs}
        return Pixels(**values)

    def __post_init__(self) -> None:
        sizes = [size for size in self.shape if isinstance(size, int) and size > 0]
        if len(self.shape) != 3 or len(sizes) != 3:
            raise ValueError(f"shape must be three positive numbers, not {self.shape!r}")
        if not isinstance(self.bits, int) or self.bits not in range(2, 9):
            raise ValueError(f"bits must be 2 to 8, not {self.bits!r}")
        channels = self.shape[0]
        if len(self.scale) != channels or len(self.offset) not in (0, channels):
            raise ValueError(f"scale and offset must have {channels} entries")
        if not all(isinstance(s, int | float) and 0 < s < np.inf for s in self.scale):
            raise ValueError(f"scale must be positive, not {self.scale!r}")
        if not all(isinstance(offset, int) for offset in self.offset):
            raise ValueError(f"offset must be whole numbers, not {self.offset!r}")


def pixels_of(
    shape: tuple[int, int, int],
    bits: int = 8,
    scale: float = 0,
    mean: Sequence[float] = (),
    std: Sequence[float] = (),
) -> Pixels:
    """Make pixels whose elements mean ``(element * scale - mean) / std``.

    Parameters
    ----------
    scale : float
        Default, 0: ``1 / (2**bits - 1)``.
    mean, std : sequence of float
        One number, or one for each channel; empty for 0 and 1. The mean is rounded to an element.

    Raises
    ------
    ValueError
        If a number is out of range, or there are not as many as channels.
    """
    scale = scale or 1 / ((1 << bits) - 1)
    if not scale > 0:
        raise ValueError(f"scale must be positive, not {scale!r}")
    means, stds = (_each(values, shape[0]) for values in (mean or (0.0,), std or (1.0,)))
    if len(means) != shape[0] or len(stds) != shape[0]:
        raise ValueError(f"mean and std must be one number, or {shape[0]}, not {mean!r}, {std!r}")
    if min(stds) <= 0:
        raise ValueError(f"std must be positive, not {std!r}")
    offset = tuple(round(value / scale) for value in means)
    return Pixels(shape, bits, tuple(scale / v for v in stds), offset if any(offset) else ())


def _each(values: Sequence[float], channels: int) -> tuple[float, ...]:
    return tuple(values) * (channels if len(values) == 1 else 1)


@dataclass(frozen=True, eq=False)
class Split:
    """Pictures and their labels.

    Parameters
    ----------
    images : (N, C, H, W) uint8
        Elements as they enter the accelerator.
    labels : (N,) int64
        Classes.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: slice | np.ndarray) -> "Split":
        """Take some of the pictures."""
        return replace(self, images=self.images[index], labels=self.labels[index])


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set; validation pictures are held out from training, test pictures from everything.

    Parameters
    ----------
    name : str
        Name, as `pruning.data.load` knows it.
    pixels : Pixels
        Shape and number format of the pictures.
    classes : int
        Number of classes.
    train, validation, test : Split
        Disjoint pictures.
    """

    name: str
    pixels: Pixels
    classes: int
    train: Split
    validation: Split
    test: Split


def hold_out(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """Divide pictures in two, every class in the same proportion.

    Parameters
    ----------
    fraction : float
        Share of every class that goes to the second part, rounded to whole pictures.
    seed : int
        Decides which pictures go; both parts keep their order.

    Returns
    -------
    kept, held_out : Split
    """
    rng = np.random.default_rng(seed)
    out = np.zeros(len(split), bool)
    for label in np.unique(split.labels):
        members = rng.permutation(np.flatnonzero(split.labels == label))
        out[members[: round(fraction * len(members))]] = True
    return split[~out], split[out]
