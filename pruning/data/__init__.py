"""Data sets: one that a package ships, and readers of the publishers' own files."""

import os

from pruning.data import cifar10, digits, mnist
from pruning.data.dataset import DataSet, Pixels, Split, pixels_of

__all__ = ["NAMES", "DataSet", "Pixels", "Split", "load", "pixels_of"]

_LOADERS = {"digits": digits.load, "mnist": mnist.load, "cifar10": cifar10.load}
NAMES = tuple(_LOADERS)


def load(name: str, folder: str | os.PathLike | None = None, seed: int = 0) -> DataSet:
    """Load a data set; nothing is downloaded.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    folder : path, optional
        Folder with the publisher's files; ``digits`` needs none.
    seed : int
        Decides the split, not the training.

    Raises
    ------
    FileNotFoundError
        If a file is not in the folder.
    ValueError
        If the name is unknown, no folder was named, or a file is not the published one.
    """
    if name not in _LOADERS:
        raise ValueError(f"data set must be one of {', '.join(NAMES)}, not {name!r}")
    return _LOADERS[name](folder, seed)
