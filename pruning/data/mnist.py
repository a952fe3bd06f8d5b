"""MNIST in its publishers' idx files: 60,000 + 10,000 handwritten digits of 28x28 pixels."""

import os
import struct

import numpy as np

from pruning.data.dataset import DataSet, Pixels, Split, hold_out
from pruning.data.files import read_checked

SUBFOLDER = "MNIST/raw"
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
VALIDATION = 1 / 12  # of the training pictures: 5,000


def load(folder: str | os.PathLike | None = None, seed: int = 0) -> DataSet:
    """Load MNIST from ``folder/MNIST/raw`` or `folder`; `seed` chooses the validation pictures."""
    train, validation = hold_out(_split(folder, "train"), VALIDATION, seed)
    test = _split(folder, "t10k")
    pixels = Pixels((1, 28, 28), 8, (1 / 255,))
    return DataSet("mnist", pixels, 10, train, validation, test)


def _split(folder: str | os.PathLike | None, part: str) -> Split:
    images = _elements(folder, f"{part}-images-idx3-ubyte")
    labels = _elements(folder, f"{part}-labels-idx1-ubyte")
    return Split(images[:, None], labels.astype(np.int64))


def _elements(folder: str | os.PathLike | None, name: str) -> np.ndarray:
    """Array of an idx file: two zeros, type 8 (uint8), number of axes, sizes, elements."""
    data = read_checked("mnist", folder, SUBFOLDER, name, MD5[name])
    axes = data[3]
    shape = struct.unpack_from(f">{axes}I", data, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
