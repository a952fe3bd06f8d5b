import pytest

from pruning.recipe import Recipe


def test_warm_up_is_counted_in_epochs() -> None:
    recipe = Recipe(epochs=3, rate=0.4, warm_up=1)
    found = [recipe.rate_at(step, 3) for step in range(9)]
    assert found[:4] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert found[6] == pytest.approx(0.2)  # half of the cosine
    assert found[3:] == sorted(found[3:], reverse=True)
    assert Recipe(epochs=3, rate=0.4, schedule="constant").rate_at(8, 3) == 0.4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"epochs": 0}, r"^epochs must be positive, not 0$"),
        ({"rate": -1.0}, r"^rate must be positive, not -1\.0$"),
        ({"rate": float("nan")}, r"^rate must be positive, not nan$"),
        ({"batch": 0}, r"^batch must be positive, not 0$"),
        ({"temperature": 0}, r"^temperature must be positive, not 0$"),
        ({"distil": 1.5}, r"^distil must be 0 to 1, not 1\.5$"),
        ({"seed": -1}, r"^seed must be at least 0, not -1$"),
        ({"schedule": "steps"}, r"^schedule must be cosine or constant, not 'steps'$"),
        ({"warm_up": 2}, r"^warm_up must be at least 0 and below 2 epochs, not 2$"),
        ({"device": "tpu"}, r"^device must be cpu or cuda, not 'tpu'$"),
    ],
)
def test_numbers_out_of_range(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Recipe(**{"epochs": 2, **arguments})
