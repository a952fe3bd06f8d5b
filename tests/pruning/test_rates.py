import pytest

from pruning.rates import constant, cosine


def test_half_a_cosine() -> None:
    found = [cosine(step, 6) for step in range(6)]
    root = 3**0.5 / 2
    assert found == pytest.approx(
        [1, (1 + root) / 2, 0.75, 0.5, 0.25, (1 - root) / 2]
    )  # angles 0, 30, 60, 90, 120, 150 degrees


def test_a_line_comes_first() -> None:
    assert [cosine(step, 6, 2) for step in range(6)] == pytest.approx(
        [1 / 3, 2 / 3, 1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2]
    )
    assert [constant(step, 6, 3) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
