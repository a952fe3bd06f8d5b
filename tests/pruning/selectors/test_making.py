import dataclasses

import pytest

from pruning.selectors import SELECTORS, ParticleFilter
from pruning.selectors.making import make_selector


@pytest.mark.parametrize("name", SELECTORS)
def test_every_selector_is_made_with_its_defaults(name: str):
    made = make_selector(name)
    assert type(made) is SELECTORS[name]
    again = make_selector(name, **dataclasses.asdict(made))
    assert again == made


def test_settings():
    made = make_selector("particle-filter", particles=7, mutation=1)
    assert made == ParticleFilter(particles=7, mutation=1.0)


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("l2", {}, r"^selector must be one of random-masks, .*, not 'l2'$"),
        ("l1", {"x": 1}, r"^setting of l1 must be none, not 'x'$"),
        ("taylor", {"x": 1}, r"^setting of taylor must be one of pictures, batch, not 'x'$"),
        ("taylor", {"batch": "8"}, r"^batch of taylor must be like 256, not '8'$"),
        ("taylor", {"batch": 8.0}, r"^batch of taylor must be like 256, not 8\.0$"),
        ("random-masks", {"candidates": 0}, r"^candidates must be at least 1, not 0$"),
    ],
)
def test_what_is_refused(name: str, settings: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        make_selector(name, **settings)
