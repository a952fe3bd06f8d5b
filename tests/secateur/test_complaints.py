from types import SimpleNamespace

from secateur.complaints import differences, unlike
from sim.records import Mismatch


def test_every_run_is_named_with_what_it_did():
    wrong = Mismatch("logits", 1, 2, 3, 4, expected=7, actual=8)
    results = [
        SimpleNamespace(mismatches=0, first_mismatch=None, protocol_errors=(), stalls="none/none"),
        SimpleNamespace(
            mismatches=5, first_mismatch=wrong, protocol_errors=("late",), stalls="random/slow"
        ),
    ]
    where = "logits, frame 1, channel 2, row 3, column 4: 8, not 7"
    assert differences("conv1", results) == [
        f"conv1: 5 elements differ with stalls random/slow, the first in {where}",
        "conv1: late (stalls random/slow)",
    ]


def test_cycles_are_named_with_what_they_must_be():
    assert unlike("x: latency", 5, None) == "x: latency must be 5 cycles as predicted, not None"
