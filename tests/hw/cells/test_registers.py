"""Random networks of cells with more registers, where sums begin with biases."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hw.cells.registered import Registered
from tests.hw.drawn import KINDS, drawn_cases, frames_of
from tests.hw.networks import Case
from tests.hw.pipeline import check_rounds
from tests.hw.test_random import drawn

EXAMPLES, EXAMPLES_AT_LENGTH = 2, 20  # of each kind


@pytest.mark.parametrize("kind", KINDS)
def test_results_and_cycles_of_any_network(kind: str, at_length: bool) -> None:
    """Nor is a word of a row buffer ever used that is read while it is written."""
    examples = EXAMPLES_AT_LENGTH if at_length else EXAMPLES

    @settings(drawn, max_examples=examples, derandomize=not at_length, print_blob=at_length)
    @given(made=drawn_cases(kind), seed=st.integers(0, 1 << 20))
    def check(made: Case, seed: int) -> None:
        x = frames_of(made.network, 7, seed)
        check_rounds(
            made, [(x, "none", "none"), (x[:3], "bursty", "random")], seed, cells=Registered()
        )

    check()
