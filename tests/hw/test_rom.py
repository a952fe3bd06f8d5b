import numpy as np

from hw.rom import Rom


def rom(**fields: list[int]) -> Rom:
    return Rom({name: np.array(values) for name, values in fields.items()})


def test_bits_that_vary_are_stored_once() -> None:
    """Constants 4 and 0, and in `c` the bits of `b`."""
    made = rom(a=[4, 4, 4, 4], b=[0, 1, 2, 3], c=[4, 5, 6, 7], d=[0, 0, 0, 0], e=[0, 0, 0, 8])
    assert made.width == 3
    assert made.bits == 4 * 3
    assert made.words == [0, 1, 2, 7]
    assert made.sources == {
        "a": [None, None, None],
        "b": [0, 1],
        "c": [0, 1, None],
        "d": [],
        "e": [None, None, None, 2],
    }


def test_words_that_repeat_are_stored_once() -> None:
    fields = {"a": np.array([0, 1, 2] * 4), "b": np.array([5, 5, 6] * 4)}
    made = Rom.cyclic(fields)
    assert {name: values.tolist() for name, values in made.fields.items()} == {
        "a": [0, 1, 2],
        "b": [5, 5, 6],
    }
    assert made.bits == 3 * (2 + 1)  # the second bit of `a` is a bit of `b`
    assert len(Rom.cyclic({"a": np.array([0, 1, 0, 1, 0])})) == 5, "it would not go on as it began"
    assert (len(Rom.cyclic({"a": np.full(7, 3)})), Rom.cyclic({"a": np.full(7, 3)}).bits) == (1, 0)
