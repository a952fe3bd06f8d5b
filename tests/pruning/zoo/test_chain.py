import pytest
import torch

from pruning import zoo
from pruning.models import model_of
from tests.pruning.imports import pixels


def test_chain_has_the_layers_that_were_asked_for():
    module = zoo.build("chain", shape=(3, 32, 32), widths=(4, 8), pools=(1, 2), classes=7)
    names = ["conv1", "bn1", "relu1", "pool1", "conv2", "bn2", "relu2", "pool2"]
    assert [name for name, _ in module.named_children()] == [*names, "flatten", "linear"]
    assert module(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    model = model_of(module, pixels((3, 32, 32)))
    assert model.macs == 32 * 32 * 4 * 3 * 9 + 16 * 16 * 8 * 4 * 9 + 7 * 8 * 64


def test_chain_is_decided_by_the_seed_and_leaves_torch_alone():
    before = torch.random.get_rng_state()
    one, same, other = (zoo.build("chain", seed=seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(one["conv2.weight"], same["conv2.weight"])
    assert not torch.equal(one["conv2.weight"], other["conv2.weight"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"widths": ()}, r"^widths must be positive numbers, not \(\)$"),
        ({"widths": (4, 0)}, r"^widths must be positive numbers, not \(4, 0\)$"),
        ({"pools": (4,)}, r"^pools must be numbers from 1 to 3, not \(4,\)$"),
        ({"widths": (2,) * 4, "pools": (1, 2, 3, 4)}, r"^pools must leave a picture of \(8, 8\)"),
    ],
)
def test_chain_refuses(arguments: dict, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        zoo.build("chain", **arguments)
