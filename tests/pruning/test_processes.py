from pathlib import Path

import pytest
import torch
from torch import nn

from pruning import processes
from pruning.checkpoint import load_model
from pruning.data import DataSet
from pruning.models import Model, model_of
from pruning.train import train
from tests.pruning.scripts import part_of, run_together

OPTIONS = {"epochs": 2, "rate": 0.02, "batch": 33, "augment": True, "seed": 3}
SCRIPT = """
import torch
torch.set_num_threads(1)
from pruning import processes
from pruning.checkpoint import save_model
from pruning.data import load
from pruning.train import train
from tests.pruning.scripts import part_of
from tests.pruning.test_processes import normal, OPTIONS

data, folder = part_of(load("digits")), {folder!r}
said = []
found = train(normal(data), data, checkpoint=folder + "/state", **OPTIONS,
              progress=lambda *words: said.append(words))
assert processes.count() == 2
assert len(said) == (0 if processes.rank() else 2)
save_model(found, folder + "/" + str(processes.rank()))
again = train(normal(data), data, checkpoint=folder + "/state", **OPTIONS)
for one, other in zip(found.module.state_dict().values(), again.module.state_dict().values()):
    assert torch.equal(one, other)
"""


def normal(data: DataSet) -> Model:
    """A model whose statistics are those of whole batches."""
    torch.manual_seed(2)
    layers = (nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
    last = (nn.Linear(256, 10), nn.BatchNorm1d(10, affine=False))
    return model_of(nn.Sequential(*layers, *last), data.pixels)


def test_two_processes_find_what_one_finds(digits: DataSet, tmp_path: Path):
    assert run_together(SCRIPT.format(folder=str(tmp_path)), 2) == [0, 0]
    data = part_of(digits)
    first, second = (load_model(tmp_path / str(rank)).module.state_dict() for rank in range(2))
    start, alone = normal(data), train(normal(data), data, **OPTIONS)
    for key, value in alone.module.state_dict().items():
        assert torch.equal(first[key], second[key])
        torch.testing.assert_close(first[key], value, rtol=1e-3, atol=2e-5)
    moved = alone.module.state_dict()["0.weight"] - start.module.state_dict()["0.weight"]
    assert moved.abs().max() > 0.01


def test_one_process_is_all_of_them():
    assert (processes.count(), processes.rank(), processes.part(9)) == (1, 0, slice(0, 9))
    x = torch.ones(3)
    assert processes.total(x) is x
    assert processes.join("cpu") == torch.device("cpu")
    with pytest.raises(ValueError, match=r"^device must be cpu or cuda, not 'tpu'$"):
        processes.join("tpu")


def test_parts_are_the_whole(monkeypatch):
    for count, length in ((3, 8), (4, 4), (5, 33)):
        monkeypatch.setattr(processes, "count", lambda count=count: count)
        found = []
        for rank in range(count):
            monkeypatch.setattr(processes, "rank", lambda rank=rank: rank)
            found.append(range(length)[processes.part(length)])
        assert [place for part in found for place in part] == list(range(length))
        assert max(map(len, found)) - min(map(len, found)) <= 1
