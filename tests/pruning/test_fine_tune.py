import numpy as np
import pytest

from hw.layers import Conv
from pruning.accuracy import accuracy
from pruning.data import DataSet
from pruning.fine_tune import fine_tune
from pruning.models import Model
from pruning.quantise import quantise

FEW = {"weight_bits": 2, "activation_bits": 3, "ranges": "mse"}


def test_few_bits_are_learned_to_live_with(trained: Model, digits: DataSet) -> None:
    real = trained.real_network
    before = quantise(real, digits.validation.images, **FEW)
    said = []
    after = fine_tune(
        real,
        digits.validation.images,
        digits,
        epochs=4,
        rate=2e-3,
        progress=lambda *message: said.append(message),
        **FEW,
    )

    def right(network) -> float:
        (logits,) = network.compute(digits.test.images).values()
        return accuracy(logits, digits.test.labels)

    assert right(after) > right(before) + 0.05
    assert right(after) > 0.9
    assert [message[1:3] for message in said] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert [layer.name for layer in after.layers] == [layer.name for layer in before.layers]


def test_equal_arguments_give_equal_integers(trained: Model, digits: DataSet) -> None:
    part = DataSet(
        digits.name,
        digits.pixels,
        digits.classes,
        digits.train[:300],
        digits.validation[:50],
        digits.test,
    )
    real, images = trained.real_network, digits.validation.images
    one, two, other = (
        fine_tune(real, images, part, epochs=1, seed=seed, augment=True, distil=1.0, **FEW)
        for seed in (1, 1, 2)
    )
    pictures = digits.test.images[:20]
    results = [network.compute(pictures)["linear"] for network in (one, two, other)]
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()


def test_powers_of_two_stay(trained: Model, digits: DataSet) -> None:
    real = trained.real_network
    options = {"power_of_two": True, "weight_bits": 4}
    made = fine_tune(real, digits.validation.images, digits, epochs=1, **options)
    for layer in made.layers:
        if isinstance(layer, Conv) and layer.multiplier is not None:
            assert set(layer.multiplier.tolist()) == {1}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, r"^epochs must be positive, not 0$"),
        ({"epochs": 1, "distil": 2.0}, r"^distil must be 0 to 1, not 2\.0$"),
        ({"epochs": 1, "weight_bits": 9}, r"^weight_bits must be 2 to 8, not 9$"),
    ],
)
def test_options_out_of_range(trained: Model, digits: DataSet, options: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        fine_tune(trained.real_network, digits.validation.images, digits, **options)
