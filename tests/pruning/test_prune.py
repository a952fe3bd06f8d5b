import json

from pruning.coupling import makes
from pruning.data import DataSet
from pruning.evaluate import evaluate
from pruning.models import Model
from pruning.prune import prune
from pruning.selectors import RandomMasks
from pruning.train import train


def channels(model: Model) -> dict[str, tuple[int, ...]]:
    """Maps that are left of the layers that lost some."""
    layers = [node for node in model.module.structure.nodes if makes(node)]
    return {node.name: node.layer.channels for node in layers if node.layer.channels}


def test_pruned_model_meets_the_budget_and_recovers(trained: Model, digits: DataSet):
    said = []
    pruned = prune(
        trained,
        digits,
        ratio=0.5,
        selector=RandomMasks(20),
        seed=3,
        progress=lambda *words: said.append(words[:3]),
    )
    facts = pruned.facts["prune"]
    assert pruned.macs <= trained.macs / 2
    assert facts["macs"] == {"before": trained.macs, "after": pruned.macs}
    assert facts["kept"] == {name: len(maps) for name, maps in channels(pruned).items()}
    assert facts["errors"] == min(facts["candidates"]) < facts["images"]
    assert facts["selector"] == "random-masks"
    assert facts["settings"] == {"candidates": 20}
    assert json.loads(json.dumps(facts)) == facts
    assert said[-1] == ("prune", 20, 20)
    assert "prune" not in trained.facts

    retrained = train(pruned, digits, epochs=4, rate=0.05, batch=32, seed=3)
    assert channels(retrained) == channels(pruned)
    assert evaluate(retrained, digits.test) > max(0.9, evaluate(pruned, digits.test))


def test_pruning_is_decided_by_the_seed(trained: Model, digits: DataSet):
    one, same, other = (
        prune(trained, digits, ratio=0.4, selector=RandomMasks(3), seed=seed) for seed in (1, 1, 2)
    )
    assert channels(one) == channels(same)
    assert one.facts == same.facts
    assert channels(one) != channels(other)
