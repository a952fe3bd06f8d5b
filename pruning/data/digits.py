"""The handwritten digits that scikit-learn ships: 1,797 pictures of 8x8 pixels from 0 to 16."""

import os

import numpy as np
from sklearn.datasets import load_digits

from pruning.data.dataset import DataSet, Pixels, Split, hold_out

TEST, VALIDATION = 0.25, 0.25  # of all pictures; of those that are not for testing


def load(folder: str | os.PathLike | None = None, seed: int = 0) -> DataSet:
    """Load the digits; `folder` is not needed, `seed` decides which pictures are for what."""
    pictures, labels = load_digits(return_X_y=True)
    images = np.asarray(pictures).reshape(-1, 1, 8, 8).astype(np.uint8)
    every = Split(images, np.asarray(labels).astype(np.int64))
    rest, test = hold_out(every, TEST, seed)
    train, validation = hold_out(rest, VALIDATION, seed)
    return DataSet("digits", Pixels((1, 8, 8), 5, (1 / 16,)), 10, train, validation, test)
