import pytest
import torch

from pruning.data import DataSet
from pruning.evaluate import evaluate
from pruning.models import Model, chain
from pruning.train import train


def weights(model: Model) -> dict[str, torch.Tensor]:
    return model.module.state_dict()


def test_training_learns_the_digits(trained: Model, digits: DataSet):
    untrained = chain(digits.pixels, widths=(6, 8, 10), seed=1)
    assert evaluate(untrained, digits.test) < 0.3
    assert evaluate(trained, digits.test) > 0.9


def test_training_is_decided_by_the_seed_and_spares_its_argument(digits: DataSet):
    model = chain(digits.pixels, widths=(2, 2), seed=0)
    before = {key: value.clone() for key, value in weights(model).items()}
    one, same, other = (train(model, digits, epochs=1, seed=seed) for seed in (5, 5, 6))
    for key, value in weights(one).items():
        assert torch.equal(value, weights(same)[key])
        assert torch.equal(weights(model)[key], before[key])
    assert not torch.equal(weights(one)["conv1.weight"], weights(other)["conv1.weight"])


def test_training_says_how_far_it_is(digits: DataSet):
    said = []
    model = chain(digits.pixels, widths=(2,), pools=(), seed=0)
    train(model, digits, epochs=2, progress=lambda *words: said.append(words))
    assert [words[:3] for words in said] == [("train", 1, 2), ("train", 2, 2)]
    assert "validation errors" in said[-1][3]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"epochs": 0}, r"^epochs must be positive, not 0$"),
        ({"epochs": 1, "rate": -1.0}, r"^rate must be positive, not -1\.0$"),
        ({"epochs": 1, "rate": float("nan")}, r"^rate must be positive, not nan$"),
        ({"epochs": 1, "batch": 0}, r"^batch must be positive, not 0$"),
        ({"epochs": 1, "rate": 1e30}, r"^loss must be finite; rate 1e\+30 is too large$"),
    ],
)
def test_training_refuses(arguments: dict, sentence: str, digits: DataSet):
    with pytest.raises(ValueError, match=sentence):
        train(chain(digits.pixels, widths=(2, 2)), digits, **arguments)
