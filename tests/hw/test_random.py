"""Random networks of everything that there is; hundreds of new ones with ``--at-length``."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw.cells.named import CELLS
from hw.cells.portable import Portable
from tests.hw.drawn import KINDS, drawn_cases, frames_of
from tests.hw.networks import Case
from tests.hw.pipeline import check_rounds

EXAMPLES, EXAMPLES_AT_LENGTH = 5, 30  # of each kind
STALLS = (("random", "none"), ("none", "random,none"), ("bursty", "bursty,random"))
IN_AMARANTH = [cells for name, cells in CELLS.items() if name != "ecp5"]  # that is of instances
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
drawn = settings(deadline=None, database=None, suppress_health_check=SLOW)


@pytest.mark.parametrize("kind", KINDS)
def test_results_and_cycles_of_any_network(kind: str, at_length: bool) -> None:
    """Equal in every element whoever stalls, and each frame in its very cycle if nobody does."""
    examples = EXAMPLES_AT_LENGTH if at_length else EXAMPLES

    @settings(drawn, max_examples=examples, derandomize=not at_length, print_blob=at_length)
    @given(drawn_cases(kind), st.integers(0, 1 << 20), st.sampled_from(IN_AMARANTH))
    def check(made: Case, seed: int, cells: Portable) -> None:
        x = frames_of(made.network, 7, seed)
        stalled = [(x[k : k + 3], *stalls) for k, stalls in enumerate(STALLS)]
        check_rounds(made, [(x, "none", "none"), *stalled], seed, cells)

    check()
