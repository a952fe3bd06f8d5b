import pytest
import torch

from pruning import zoo
from pruning.data import DataSet, load
from pruning.models import Model, model_of
from pruning.train import train


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> DataSet:
    return load("digits")


@pytest.fixture(scope="session")
def trained(digits: DataSet) -> Model:
    model = model_of(zoo.build("chain", 1, widths=(6, 8, 10)), digits.pixels)
    return train(model, digits, epochs=6, rate=0.05, batch=32, seed=1)
