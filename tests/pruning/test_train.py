import copy
import dataclasses
import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from pruning import zoo
from pruning.data import DataSet
from pruning.evaluate import evaluate, normalise
from pruning.graph_module import GraphModule
from pruning.models import Model, model_of
from pruning.prune import prune
from pruning.train import train
from tests.pruning.scripts import part_of


def small(digits: DataSet, *widths: int) -> Model:
    return model_of(zoo.build("chain", 0, widths=widths or (2, 2), pools=(1,)), digits.pixels)


def weights(model: Model) -> dict[str, torch.Tensor]:
    return model.module.state_dict()


def assert_equal(one: Model, other: Model) -> None:
    assert weights(one).keys() == weights(other).keys()
    for key, value in weights(one).items():
        assert torch.equal(value, weights(other)[key]), key


def test_training_learns_the_digits(trained: Model, digits: DataSet):
    untrained = model_of(zoo.build("chain", 1, widths=(6, 8, 10)), digits.pixels)
    assert evaluate(untrained, digits.test) < 0.3
    assert evaluate(trained, digits.test) > 0.9


def test_weights_are_those_of_the_plain_loop(digits: DataSet):
    """Bit for bit: torch's optimiser and its scheduler, and nothing else."""
    model = small(digits, 3, 4)
    found = train(model, digits, epochs=2, rate=0.04, batch=48, decay=0.01, seed=9)
    module = copy.deepcopy(model.module).train()
    labels = torch.from_numpy(digits.train.labels)
    steps = 2 * (len(labels) // 48)
    optimiser = torch.optim.SGD(
        module.parameters(), lr=0.04, momentum=0.9, weight_decay=0.01, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: (1 + math.cos(math.pi * step / steps)) / 2
    )
    order = torch.Generator().manual_seed(9)
    for _ in range(2):
        for index in torch.randperm(len(labels), generator=order).split(48):
            if len(index) == 48:
                optimiser.zero_grad()
                scores = module(normalise(digits.train.images[index.numpy()], digits.pixels))
                nn.functional.cross_entropy(scores, labels[index]).backward()
                optimiser.step()
                schedule.step()
    assert_equal(found, Model(module, digits.pixels))


def test_training_is_decided_by_the_seed_and_spares_its_argument(digits: DataSet):
    model = small(digits)
    before = {key: value.clone() for key, value in weights(model).items()}
    one, same, other = (train(model, digits, epochs=1, seed=seed) for seed in (5, 5, 6))
    assert_equal(one, same)
    for key, value in weights(model).items():
        assert torch.equal(value, before[key])
    assert not torch.equal(weights(one)["conv1.weight"], weights(other)["conv1.weight"])


def test_dropout_and_shifts_are_decided_by_the_seed(digits: DataSet):
    layers = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10))
    model, data = model_of(layers, digits.pixels), part_of(digits)
    state = torch.get_rng_state()
    one = train(model, data, epochs=2, augment=True, seed=1)
    assert torch.equal(torch.get_rng_state(), state)  # and decide nothing elsewhere
    torch.manual_seed(77)
    assert_equal(one, train(model, data, epochs=2, augment=True, seed=1))
    plain = train(model, data, epochs=2, seed=1)
    assert not torch.equal(weights(one)["2.weight"], weights(plain)["2.weight"])


def test_masks_hold(trained: Model, digits: DataSet):
    pruned = prune(trained, digits, ratio=0.7, granularity="kernel")
    again = train(pruned, digits, epochs=2, rate=0.05, decay=0.01)
    for name in ("conv2", "conv3"):
        mask = weights(again)[f"{name}:mask"]
        assert torch.equal(mask, weights(pruned)[f"{name}:mask"])
        after, before = (weights(model)[f"{name}.weight"] for model in (again, pruned))
        assert torch.equal(after[~mask], before[~mask])
    assert again.macs == pruned.macs < 0.3 * trained.macs
    assert evaluate(again, digits.validation) > evaluate(pruned, digits.validation) + 0.1


def test_a_hook_changes_masks_and_ends_the_training(trained: Model, digits: DataSet):
    model = prune(trained, digits, ratio=0.3, granularity="kernel")
    rng = torch.Generator().manual_seed(0)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def hook(step: int, module: GraphModule) -> bool:
        assert module.training
        assert step == len(seen)
        mask = module.tensors()["conv2:mask"]
        mask.copy_(torch.rand(mask.shape, generator=rng) < 0.5)
        seen.append((module.tensors()["conv2.weight"].detach().clone(), mask.clone()))
        return step == 40  # in the middle of the second epoch

    after = train(model, digits, epochs=9, batch=32, hook=hook)
    assert len(seen) == 41
    assert torch.equal(weights(after)["conv2.weight"], seen[-1][0])
    for (before, mask), (then, _) in pairwise(seen):
        assert torch.equal(before[~mask], then[~mask])
        assert (before[mask] != then[mask]).any()


def test_training_says_how_far_it_is(digits: DataSet):
    said = []
    train(small(digits), digits, epochs=2, progress=lambda *words: said.append(words))
    assert [words[:3] for words in said] == [("train", 1, 2), ("train", 2, 2)]
    assert "validation errors" in said[-1][3]


def test_every_epoch_is_logged_before_it_is_kept(digits: DataSet, tmp_path):
    rows, path = [], tmp_path / "training.safetensors"

    def log(epoch: int, loss: float, wrong: int) -> None:
        rows.append((epoch, loss, wrong, path.exists()))

    model = train(small(digits), digits, epochs=2, checkpoint=path, log=log)
    assert [(row[0], row[3]) for row in rows] == [(1, False), (2, True)]
    right = evaluate(model, digits.validation) * len(digits.validation)
    assert rows[-1][2] == len(digits.validation) - round(right)
    assert all(0 < loss < 5 for _, loss, _, _ in rows)
    assert_equal(model, train(small(digits), digits, epochs=2))


def test_training_refuses(trained: Model, digits: DataSet, tmp_path):
    model = small(digits)
    with pytest.raises(ValueError, match=r"^loss must be finite; rate 1e\+30 is too large$"):
        train(model, digits, epochs=1, rate=1e30)
    with pytest.raises(ValueError, match=r"^epochs must be positive, not 0$"):
        train(model, digits, epochs=0)
    with pytest.raises(ValueError, match=r"^threads must be at least 1, not 0$"):
        train(model, digits, epochs=1, threads=0)
    with pytest.raises(ValueError, match=r"^checkpoint must be None with a hook"):
        train(model, digits, epochs=1, hook=lambda *_: False, checkpoint=tmp_path / "state")
    other = Model(
        trained.module, part_of(digits).pixels.of({"shape": [1, 9, 9], "bits": 4, "scale": [1]})
    )
    with pytest.raises(ValueError, match=r"^teacher must take pictures of Pixels\(shape=\(1, 8, 8"):
        train(model, digits, epochs=1, teacher=other)
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match=r"^device must be cpu where torch finds no GPU"):
            train(model, digits, epochs=1, device="cuda")


def test_shifted_pictures_come_in_with_what_means_zero_to_the_model(digits: DataSet):
    """A model may take pictures otherwise than its data set says."""
    module = zoo.build("chain", 1, widths=(2, 2))
    moved = dataclasses.replace(digits.pixels, offset=(7,))
    model = model_of(module, moved)
    told = dataclasses.replace(digits, pixels=moved)
    one, other = (train(model, data, epochs=1, augment=True, seed=1) for data in (digits, told))
    assert_equal(one, other)
