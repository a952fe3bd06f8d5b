from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from torch import nn

from pruning.constraints import NONE, Constraints
from pruning.data import DataSet
from pruning.granularities import units
from pruning.models import Model, model_of
from pruning.selectors import Problem

Ask = Callable[..., Problem]


class Coupled(nn.Module):
    """The maps of a, b and c, which is depthwise, live together; e has no normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_bn = nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3)
        self.a, self.a_bn = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.b, self.b_bn = nn.Conv2d(6, 6, 1), nn.BatchNorm2d(6)
        self.c, self.c_bn = nn.Conv2d(6, 6, 3, padding=1, groups=6), nn.BatchNorm2d(6)
        self.e, self.fc = nn.Conv2d(6, 4, 3, stride=2), nn.Linear(4 * 9, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem_bn(self.stem(x)))
        x = torch.relu(self.a_bn(self.a(x)))
        x = torch.relu(x + self.b_bn(self.b(x)))
        x = torch.relu(self.c_bn(self.c(x)))
        return self.fc(torch.relu(self.e(x)).flatten(1))


@pytest.fixture(scope="session")
def coupled(digits: DataSet) -> Model:
    torch.manual_seed(3)
    module = Coupled()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight)
            layer.running_mean = torch.randn(layer.num_features)
            layer.running_var = torch.rand(layer.num_features) + 0.5
    return model_of(module, digits.pixels)


@pytest.fixture
def ask(digits: DataSet) -> Ask:
    def made(
        model: Model,
        granularity: str,
        share: Fraction = Fraction(1, 2),
        seed: int = 0,
        constraints: Constraints = NONE,
    ) -> Problem:
        chosen = units(model.module.graph, granularity, share, constraints)
        return Problem(model, digits, chosen, seed)

    return made
