import numpy as np
import torch

from pruning.data import DataSet, Pixels
from pruning.evaluate import errors, evaluate, logits, normalise
from pruning.models import Model


def test_normalise_subtracts_before_it_scales():
    pixels = Pixels((2, 1, 2), 8, (0.5, 0.25), (10, 0))
    x = normalise(np.array([[[[10, 14]], [[4, 0]]]], np.uint8), pixels)
    assert x.tolist() == [[[[0.0, 2.0]], [[1.0, 0.0]]]]
    assert x.dtype == torch.float32


def test_batches_do_not_change_logits(trained: Model, digits: DataSet):
    images = digits.validation.images[:20]
    whole = logits(trained.module, trained.pixels, images)
    np.testing.assert_allclose(logits(trained.module, trained.pixels, images, 7), whole, atol=1e-5)


def test_errors_and_accuracy_tell_the_same(trained: Model, digits: DataSet):
    wrong = errors(trained.module, trained.pixels, digits.test)
    assert 0 < wrong < 60  # of 450
    assert evaluate(trained, digits.test) == 1 - wrong / 450
