import numpy as np
from sklearn.datasets import load_digits

from pruning.data import DataSet, load


def test_every_picture_is_in_one_split(digits: DataSet):
    splits = (digits.train, digits.validation, digits.test)
    assert [len(split) for split in splits] == [1010, 337, 450]
    here = [image.tobytes() for split in splits for image in split.images]
    original = np.asarray(load_digits(return_X_y=True)[0]).astype(np.uint8)
    assert sorted(here) == sorted(image.tobytes() for image in original)


def test_format_and_labels(digits: DataSet):
    assert digits.pixels.shape == digits.test.images.shape[1:] == (1, 8, 8)
    assert digits.train.images.dtype == np.uint8
    assert digits.train.images.max() == 16 < 2**digits.pixels.bits
    pictures, classes = load_digits(return_X_y=True)
    labels = {x.astype(np.uint8).tobytes(): y for x, y in zip(pictures, classes, strict=True)}
    assert [labels[x.tobytes()] for x in digits.test.images] == digits.test.labels.tolist()


def test_the_seed_decides_the_split(digits: DataSet):
    assert load("digits", seed=0).test.labels.tolist() == digits.test.labels.tolist()
    assert load("digits", seed=1).test.images.tolist() != digits.test.images.tolist()
