import pytest

from hw.cost import predict
from secateur.bench.cases import network
from secateur.bench.folds import best_folding, fewest


@pytest.mark.parametrize(("budget", "least"), [(36, 32), (144, 127), (100, 88), (1, 1)])
def test_a_fold_uses_most_of_its_budget(budget, least):
    assert fewest(budget) == least


@pytest.mark.parametrize(
    ("layer", "variant", "budget", "cycles", "good"),
    [
        ("L2", "dense", 144, 6148, True),
        ("L2", "kernels", 144, 3084, True),
        ("L3", "dense", 36, 12288, True),
        ("L1", "kernels", 144, 784, True),  # as fast as pixels enter
        ("L1", "kernels", 36, 1764, True),  # 16 outputs have only 72 taps: two leave a cycle
        ("L1", "kernels", 19, 3360, False),  # no fold of 17 to 19 has even lists and even lanes
    ],
)
def test_the_best_fold_of_a_layer(layer, variant, budget, cycles, good):
    net = network(layer, variant)
    choice = best_folding(net, budget)
    multipliers = choice.folding[layer].multipliers
    assert fewest(budget) <= multipliers <= budget
    assert (choice.cycles, choice.good) == (cycles, good)
    assert predict(net, choice.folding).interval == cycles
    assert choice.input_bound == (cycles == 784)
    if good and not choice.input_bound:
        assert net.macs / (cycles * multipliers) >= 0.97


def test_a_budget_above_all_folds_is_refused():
    with pytest.raises(ValueError, match="layer 'L1': budget must allow a fold of 88000 to 100000"):
        best_folding(network("L1", "dense"), 100_000)
