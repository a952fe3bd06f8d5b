"""A network of real numbers: layers behind a picture, their result, and a file of them."""

import dataclasses
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

import torch

from hw.records import read, write
from pruning.data import Pixels
from pruning.reals import RealLayer

SCHEMA = "secateur.real/1"
INPUT = "input"  # name of the picture
_KINDS = {kind.__name__: kind for kind in get_args(RealLayer)}


@dataclass(frozen=True, eq=False)
class RealNetwork:
    """Layers in topological order, behind the picture, whose name is `INPUT`.

    Parameters
    ----------
    pixels : Pixels
        How the elements of a picture become the numbers that the first layers take.
    layers : sequence of RealLayer
        Every layer's inputs come before it.
    outputs : tuple of str, optional
        Names of the layers whose results leave. Default: the last layer.
    facts : dict
        How it was made, for people; anything that JSON can hold.

    Raises
    ------
    ValueError
        If there are no layers, or a layer is not behind its inputs or shares its name.
    """

    pixels: Pixels
    layers: tuple[RealLayer, ...]
    outputs: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise ValueError("a network must have a layer")
        object.__setattr__(self, "outputs", tuple(self.outputs) or (self.layers[-1].name,))
        known = {INPUT}
        for layer in self.layers:
            for name in layer.inputs:
                if name not in known:
                    raise ValueError(f"layer {layer.name!r}: input {name!r} must come before it")
            if layer.name in known:
                raise ValueError(f"layer {layer.name!r} must have a name of its own")
            known.add(layer.name)
        for name in self.outputs:
            if name not in known:
                raise ValueError(f"output {name!r} must be a layer")

    def save(self, path: str | os.PathLike) -> None:
        """Write one safetensors file whose metadata holds the structure; complete or not at all."""
        structure = {"schema": SCHEMA, "outputs": self.outputs, "facts": self.facts}
        structure["pixels"] = dataclasses.asdict(self.pixels)
        write(path, structure, self.layers)

    @staticmethod
    def load(path: str | os.PathLike) -> "RealNetwork":
        """Read what `save` wrote.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is not such a file, is damaged, or describes an impossible network; the file is
            named.
        """
        structure, layers = read(path, SCHEMA, _KINDS, "file of a real network")
        try:
            pixels, outputs = Pixels.of(structure["pixels"]), tuple(structure["outputs"])
            network = RealNetwork(pixels, layers, outputs, structure["facts"])
            network.shapes()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path}: not a file of a real network: {error}") from error
        return network

    @torch.no_grad()
    def shapes(self) -> dict[str, tuple[int, int, int]]:
        """Shape (C, H, W) of every result.

        Raises
        ------
        ValueError
            If a layer does not fit those that feed it. The layer is named.
        """
        shapes, results = {}, self.results(torch.zeros(1, *self.pixels.shape))
        for layer in self.layers:
            try:
                _, y = next(results)
            except (RuntimeError, IndexError) as error:
                line = str(error).partition("\n")[0]
                raise ValueError(f"layer {layer.name!r} does not fit its inputs: {line}") from error
            shapes[layer.name] = tuple(y.shape[1:])
        return shapes

    def results(self, x: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
        """Compute every layer of normalised pictures (N, C, H, W), in their order.

        A result is dropped as soon as no later layer takes it.
        """
        last = {name: at for at, layer in enumerate(self.layers) for name in layer.inputs}
        known = {INPUT: x}
        for at, layer in enumerate(self.layers):
            known[layer.name] = layer.forward(*(known[name] for name in layer.inputs))
            yield layer.name, known[layer.name]
            known = {name: y for name, y in known.items() if last.get(name, -1) > at}

    @torch.no_grad()
    def compute(
        self, x: torch.Tensor, keep: Iterable[str] | None = None
    ) -> dict[str, torch.Tensor]:
        """Compute results of normalised pictures (N, C, H, W). Default: the outputs'."""
        wanted = set(self.outputs if keep is None else keep)
        return {name: y for name, y in self.results(x) if name in wanted}
