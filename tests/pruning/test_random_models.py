"""Random models, imported and compared with their own results."""

import operator
from collections.abc import Callable
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tests.pruning.imports import Model, imported, shaken

SIZE = 9
EDGES = ((1, 2), (0, 2), (0, 2), (0, 2), (0, 1), (0, 1))  # rows and columns, channels


class Drawn:
    """A model that grows by random operations on random results."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.parts: dict[str, nn.Module] = {}
        self.steps: list[tuple[Callable | str, tuple[int, ...]]] = []
        self.maps = [torch.zeros(2, data.draw(st.integers(1, 4)), SIZE, SIZE)]

    def number(self, low: int, high: int) -> int:
        return self.data.draw(st.integers(low, high))

    def choice(self, *values: Any) -> Any:
        return self.data.draw(st.sampled_from(values))

    def pick(self, like: torch.Tensor | None = None, axes: tuple[int, ...] = ()) -> int:
        """Choose a result, of the same extent along some axes as another one; late ones rather."""
        fits = [
            index
            for index, x in enumerate(self.maps)
            if like is None or all(x.shape[axis] == like.shape[axis] for axis in axes)
        ]
        return fits[-1 - min(self.number(0, 3), len(fits) - 1)]

    def step(self, function: Callable, *sources: int, part: str = "") -> None:
        self.maps.append(function(*(self.maps[index].clone() for index in sources)))
        self.steps.append((part or function, sources))

    def part(self, module: nn.Module, source: int) -> None:
        name = f"part{len(self.steps)}"
        self.parts[name] = module.eval()
        self.step(module, source, part=name)

    def grow(self) -> None:
        source = self.pick()
        _, channels, height, width = self.maps[source].shape
        large = min(height, width) >= 3
        match self.choice("conv", "conv", "bn", "act", "act", "pool", "pad", "slice", "add", "cat"):
            case "conv":
                kernel = (self.choice(1, 2, 3), self.choice(1, 3)) if large else (1, 1)
                groups = self.choice(1, channels)
                outputs = groups * self.number(1, 3) if groups > 1 else self.number(1, 4)
                padding = (self.number(0, kernel[0] - 1), self.number(0, kernel[1] - 1))
                more = {"groups": groups, "bias": self.choice(True, False)}
                stride = self.choice(1, 1, 2)
                conv = nn.Conv2d(channels, outputs, kernel, stride, padding, **more)
                self.part(conv, source)
            case "bn":
                self.part(nn.BatchNorm2d(channels), source)
            case "act":
                acts = (nn.ReLU(), nn.ReLU6(), nn.Hardtanh(-0.5, 0.5), nn.ReLU(inplace=True))
                self.part(self.choice(*acts), source)
            case "pool" if large:
                kernel, stride, padding = self.number(2, 3), self.number(1, 2), self.number(0, 1)
                kind = self.choice(nn.MaxPool2d, nn.AvgPool2d)
                self.part(kind(kernel, stride, padding), source)
            case "pad" if max(height, width) < 12:
                edges = (
                    [1] + [self.number(0, 2) for _ in range(3)] + [self.number(0, 1) for _ in "ab"]
                )
                self.step(lambda x: F.pad(x, edges), source)
            case "slice" if large:
                down, across = self.choice((1, 2), (2, 1), (2, 2))
                self.step(lambda x: x[:, :, ::down, ::across].clone(), source)
            case "add":
                other = self.pick(self.maps[source], (1, 2, 3))
                self.step(self.choice(operator.add, operator.iadd), source, other)
            case "cat" if channels < 8:
                other = self.pick(self.maps[source], (2, 3))
                self.step(lambda *x: torch.cat(x, 1), source, other)

    def model(self) -> Model:
        last = len(self.maps) - 1
        outputs = sorted({last, max(1, self.pick())})
        steps = tuple(self.steps)

        def forward(m: Any, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            maps = [x]
            for step, sources in steps:
                function = getattr(m, step) if isinstance(step, str) else step
                maps.append(function(*(maps[index] for index in sources)))
            return tuple(maps[index] for index in outputs)

        return Model(forward, **self.parts)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.data())
def test_random_models_are_imported_as_they_are(data: st.DataObject):
    torch.manual_seed(0)
    drawn = Drawn(data)
    for _ in range(drawn.number(1, 14)):
        drawn.grow()
    conv = nn.Conv2d(drawn.maps[-1].shape[1], 2, 1)
    drawn.part(conv, len(drawn.maps) - 1)
    imported(shaken(drawn.model()), (drawn.maps[0].shape[1], SIZE, SIZE))
