import time

import pytest

from hw.cost import predict
from hw.folding import fold_to_multipliers
from secateur.bench.networks import complaints, networks


@pytest.mark.parametrize(("variant", "most"), [("dense", 13_400_000), ("half", 3_600_000)])
def test_a_whole_network_takes_hardly_more_than_its_macs(variant, most) -> None:
    (network,) = networks(None, None, [variant]).values()
    start = time.process_time()
    cost = predict(network, fold_to_multipliers(network, 210))
    assert time.process_time() - start < 10
    assert cost.multipliers <= 210
    assert network.macs <= cost.multipliers * cost.interval <= most


def test_complaints_name_what_is_wrong() -> None:
    good = {"predicted": 5, "simulated": 5}
    row = {"network": "n", "variant": "v", "budget": 9, "mismatches": 0}
    row |= {"cycles": good, "latency": good}
    assert complaints([row]) == []
    assert complaints([row | {"mismatches": 1}]) == ["n v at 9: 1 elements differ"]
    wrong = row | {"latency": {"predicted": 5, "simulated": None}}
    assert complaints([wrong]) == ["n v at 9: latency must be 5 cycles as predicted, not None"]
