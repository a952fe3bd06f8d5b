"""CIFAR-10 in its publisher's binary version: 50,000 + 10,000 colour pictures of 32x32 pixels."""

import os

import numpy as np

from pruning.data.dataset import DataSet, Pixels, Split, hold_out
from pruning.data.files import read_checked

SUBFOLDER = "cifar-10-batches-bin"
MD5 = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
}
SHAPE = (3, 32, 32)
MEAN = (125, 123, 114)  # of the training pictures, to the nearest element
DEVIATION = (62.99, 62.09, 66.70)
VALIDATION = 1 / 10  # of the training pictures: 5,000


def load(folder: str | os.PathLike | None = None, seed: int = 0) -> DataSet:
    """Load CIFAR-10 from ``folder/cifar-10-batches-bin`` or `folder`.

    `seed` chooses the validation pictures.
    """
    files = {name: _records(folder, name) for name in MD5}
    test = files.pop("test_batch.bin")
    every = Split(
        np.concatenate([split.images for split in files.values()]),
        np.concatenate([split.labels for split in files.values()]),
    )
    train, validation = hold_out(every, VALIDATION, seed)
    pixels = Pixels(SHAPE, 8, tuple(1 / d for d in DEVIATION), MEAN)
    return DataSet("cifar10", pixels, 10, train, validation, test)


def _records(folder: str | os.PathLike | None, name: str) -> Split:
    """Pictures of one file: records of a label and the red, green and blue planes."""
    data = read_checked("cifar10", folder, SUBFOLDER, name, MD5[name])
    records = np.frombuffer(data, np.uint8).reshape(-1, 1 + int(np.prod(SHAPE)))
    return Split(records[:, 1:].reshape(-1, *SHAPE), records[:, 0].astype(np.int64))
