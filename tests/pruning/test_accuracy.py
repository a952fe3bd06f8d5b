import numpy as np
import pytest

from pruning.accuracy import accuracy


def test_accuracy_of_vectors_and_of_maps():
    logits = np.array([[1, 5, 2], [7, 0, 7], [0, 0, 9], [3, 2, 1]])
    labels = np.array([1, 2, 2, 0])  # the tie of the second goes to class 0
    assert accuracy(logits, labels) == 0.75
    assert accuracy(logits[:, :, None, None], labels) == 0.75


def test_accuracy_refuses_what_does_not_match():
    with pytest.raises(ValueError, match=r"^logits must be one row per label, not 2 to 3$"):
        accuracy(np.zeros((2, 4)), np.zeros(3, int))
    with pytest.raises(ValueError, match=r"not 0 to 0$"):
        accuracy(np.zeros((0, 4)), np.zeros(0, int))
