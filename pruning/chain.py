"""Chains of plain torch.nn layers: their structure as data, and the shapes along them."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

MAX_WIDTH = 4096

_FIELDS = {  # what makes a layer, and so what JSON says of it
    nn.Conv2d: ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation"),
    nn.BatchNorm2d: ("num_features", "eps", "momentum"),
    nn.ReLU: (),
    nn.MaxPool2d: ("kernel_size", "stride", "padding"),
    nn.Flatten: (),
    nn.Linear: ("in_features", "out_features"),
}
_KINDS = {kind.__name__: kind for kind in _FIELDS}
_WIDTHS = ("in_channels", "out_channels", "num_features", "out_features")


class UnsupportedLayer(ValueError):
    """A layer, or a place for it, that is not supported."""


def structure(chain: nn.Sequential) -> list[dict[str, Any]]:
    """Describe every layer as a dict that JSON can hold.

    Raises
    ------
    UnsupportedLayer
        If a layer's kind or an option of it is not supported; the layer is named.
    """
    return [_describe(name, layer) for name, layer in chain.named_children()]


def _describe(name: str, layer: nn.Module) -> dict[str, Any]:
    kind = type(layer)
    if kind not in _FIELDS:
        raise UnsupportedLayer(
            f"layer {name!r} must be one of {', '.join(_KINDS)}, not {kind.__name__}"
        )
    if isinstance(layer, nn.Conv2d) and layer.groups != 1:
        raise UnsupportedLayer(f"layer {name!r}: groups must be 1, not {layer.groups}")
    if isinstance(layer, nn.Conv2d) and layer.padding_mode != "zeros":
        raise UnsupportedLayer(f"layer {name!r}: padding_mode must be 'zeros'")
    if isinstance(layer, nn.Conv2d) and isinstance(layer.padding, str):
        raise UnsupportedLayer(f"layer {name!r}: padding must be numbers, not {layer.padding!r}")
    if isinstance(layer, nn.MaxPool2d) and (layer.ceil_mode or layer.dilation not in (1, (1, 1))):
        raise UnsupportedLayer(f"layer {name!r} must round down and must not be dilated")
    record: dict[str, Any] = {"name": name, "kind": kind.__name__}
    record |= {field: getattr(layer, field) for field in _FIELDS[kind]}
    if isinstance(layer, nn.Conv2d | nn.Linear):
        record["bias"] = layer.bias is not None
    return record


def build(layers: list[dict[str, Any]]) -> nn.Sequential:
    """Build the chain that `structure` described, with fresh parameters.

    Raises
    ------
    ValueError
        If a layer is of an unknown kind, has unknown or impossible fields, or shares its name.
    """
    chain = nn.Sequential()
    for record in layers:
        record = dict(record)
        name, kind = str(record.pop("name")), record.pop("kind")
        if kind not in _KINDS:
            raise ValueError(f"layer {name!r} must be one of {', '.join(_KINDS)}, not {kind!r}")
        if hasattr(chain, name) or "." in name:
            raise ValueError(f"layer {name!r} must have a name of its own, without a dot")
        for field in _WIDTHS:
            width = record.get(field, 1)
            if not isinstance(width, int) or not 1 <= width <= MAX_WIDTH:
                raise ValueError(f"layer {name!r}: {field} must be 1 to {MAX_WIDTH}, not {width!r}")
        pairs = {key: tuple(v) if isinstance(v, list) else v for key, v in record.items()}
        try:
            chain.add_module(name, _KINDS[kind](**pairs))
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise ValueError(f"layer {name!r}: {_first_line(error)}") from error
    return chain


@dataclass(frozen=True, eq=False)
class Step:
    """A layer of a chain between two shapes; shapes are (C, H, W), or (F,) once flattened."""

    name: str
    layer: nn.Module
    input: tuple[int, ...]
    output: tuple[int, ...]

    @property
    def macs(self) -> int:
        """Multiply-adds for one picture, those on padding counted as usual."""
        if not isinstance(self.layer, nn.Conv2d | nn.Linear):
            return 0
        return self.layer.weight.numel() * math.prod(self.output[1:])

    @property
    def parameters(self) -> int:
        """Weights, and one bias per output, once batch normalisation is folded."""
        if not isinstance(self.layer, nn.Conv2d | nn.Linear):
            return 0
        return self.layer.weight.numel() + self.layer.weight.shape[0]


def walk(chain: nn.Sequential, shape: tuple[int, int, int]) -> Iterator[Step]:
    """Follow a picture of `shape` (C, H, W) through a chain, without computing anything.

    Raises
    ------
    ValueError
        If a layer does not fit what comes before it; the layer is named.
    """
    ghost = copy.deepcopy(chain).to("meta").eval()
    x = torch.empty(1, *shape, device="meta")
    for name, layer in ghost.named_children():
        before = tuple(x.shape[1:])
        try:
            x = layer(x)
        except (TypeError, RuntimeError, ValueError, IndexError) as error:
            sentence = f"layer {name!r} must fit a shape of {before}: {_first_line(error)}"
            raise ValueError(sentence) from error
        yield Step(name, chain.get_submodule(name), before, tuple(x.shape[1:]))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def kernels(weight: torch.Tensor, maps: int) -> torch.Tensor:
    """View weights as (outputs, maps, weights of a kernel), be they of a convolution or linear."""
    return weight.reshape(weight.shape[0], maps, -1)
