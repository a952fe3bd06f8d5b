import pytest
import torch

from pruning.data import DataSet, load
from pruning.models import Model, chain
from pruning.train import train


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> DataSet:
    return load("digits")


@pytest.fixture(scope="session")
def trained(digits: DataSet) -> Model:
    model = chain(digits.pixels, widths=(6, 8, 10), seed=1)
    return train(model, digits, epochs=6, rate=0.05, batch=32, seed=1)
