"""A network of integer layers: its exact result, and its file."""

import dataclasses
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw import records
from hw.activation import valid_bits
from hw.layers import NAME, Activation, Add, AvgPool, Concat, Conv, Input, Layer, MaxPool

SCHEMA = "secateur.network/1"
_KINDS = {kind.__name__: kind for kind in (Input, Conv, MaxPool, AvgPool, Add, Concat)}


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in topological order, the one `Input` first; the reference that everything equals.

    Parameters
    ----------
    name : str
        Identifier.
    layers : sequence of Layer
        Every layer's inputs come before it.
    outputs : tuple of str, optional
        Names of the layers whose results leave, others may read them too. Default: the last layer.

    Raises
    ------
    ValueError
        If a name is not an identifier or is used twice, an input is not there, shapes do not match,
        a layer feeds nothing, or accumulators feed another layer. The layer is named.
    """

    name: str
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers or not isinstance(self.layers[0], Input):
            raise ValueError(f"network {self.name!r} must begin with an Input")
        object.__setattr__(self, "outputs", tuple(self.outputs) or (self.layers[-1].name,))
        for name in (self.name, *(layer.name for layer in self.layers)):
            if not NAME.fullmatch(name):
                raise ValueError(f"name must match {NAME.pattern}, not {name!r}")
        formats: dict[str, Activation] = {}
        for layer in self.layers:
            if layer.name in formats:
                raise ValueError(f"layer {layer.name!r} must have a name of its own")
            if isinstance(layer, Input) and formats:
                raise ValueError(f"layer {layer.name!r} must be the only Input")
            for source in layer.inputs:
                if source not in formats:
                    raise ValueError(f"layer {layer.name!r}: input {source!r} must come before it")
                if not valid_bits(bits := formats[source].bits):
                    raise ValueError(
                        f"layer {layer.name!r} must take activations of 2 to 9 or 16 bits, "
                        f"but {source!r} produces {bits}"
                    )
            formats[layer.name] = layer.output(*(formats[source] for source in layer.inputs))
        for name in self.outputs:
            if name not in formats:
                raise ValueError(f"output {name!r} must be a layer")
            if self.outputs.count(name) > 1:
                raise ValueError(f"output {name!r} must be named once")
        read = {source for layer in self.layers for source in layer.inputs} | set(self.outputs)
        for layer in self.layers:
            if layer.name not in read:
                raise ValueError(f"layer {layer.name!r} must feed another layer or be an output")
        object.__setattr__(self, "formats", formats)

    formats: dict[str, Activation] = dataclasses.field(init=False, repr=False)

    @property
    def input(self) -> Input:
        """The first layer."""
        first = self.layers[0]
        assert isinstance(first, Input)
        return first

    @property
    def macs(self) -> int:
        """Multiply-adds of one picture by surviving weights."""
        return sum(self.layer_macs(layer) for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Surviving weights and biases."""
        return sum(layer.parameters for layer in self.layers if isinstance(layer, Conv))

    def layer_macs(self, layer: Layer) -> int:
        """Multiply-adds of one layer for one picture."""
        return layer.macs(self.formats[layer.source]) if isinstance(layer, Conv) else 0

    def alone(self, name: str) -> "Network":
        """Network of one layer, whose input is what feeds that layer here."""
        layer = next(layer for layer in self.layers if layer.name == name)
        assert not isinstance(layer, Input)
        if len(layer.inputs) != 1:
            raise ValueError(f"layer {name!r} must have one input to stand alone")
        source = self.formats[layer.inputs[0]]
        args = (source.shape, source.bits, source.scale, (), source.signed)
        return Network(f"{self.name}_{name}", (Input(layer.inputs[0], *args), layer))

    def compute(
        self, pictures: np.ndarray, keep: Iterable[str] | None = None, batch: int = 256
    ) -> dict[str, np.ndarray]:
        """Exact integer results.

        Parameters
        ----------
        pictures : (N, C, H, W) int
            Elements as they are on the stream, before the offset is subtracted.
        keep : names, optional
            Layers whose results are wanted. Default: `outputs`.
        batch : int
            Pictures computed at a time; bounds the memory, never changes the result.

        Returns
        -------
        dict of str to (N, C, H, W) int64

        Raises
        ------
        TypeError, ValueError
            If the pictures are not integers, or have a wrong shape or range.
        """
        keep = tuple(self.outputs if keep is None else keep)
        parts: dict[str, list[np.ndarray]] = {name: [] for name in keep}
        for start in range(0, max(len(pictures), 1), batch):
            results: dict[str, np.ndarray] = {}
            for layer in self.layers:
                results[layer.name] = self._result(layer, results, pictures[start : start + batch])
            for name in keep:
                parts[name].append(results[name])
        return {name: np.concatenate(part) for name, part in parts.items()}

    def _result(
        self, layer: Layer, results: dict[str, np.ndarray], pictures: np.ndarray
    ) -> np.ndarray:
        """Compute one layer from those before it."""
        maps = [results[name] for name in layer.inputs]
        formats = [self.formats[name] for name in layer.inputs]
        if isinstance(layer, Input):
            return layer.compute(pictures)
        if isinstance(layer, Concat):
            return layer.compute(*maps)
        if isinstance(layer, Add):
            return layer.compute(maps[0], maps[1], (formats[0], formats[1]))
        return layer.compute(maps[0], formats[0])

    def save(self, path: str | os.PathLike) -> None:
        """Write one safetensors file whose metadata holds the structure; complete or not at all."""
        structure = {"schema": SCHEMA, "name": self.name, "outputs": self.outputs}
        records.write(path, structure, self.layers)

    @staticmethod
    def load(path: str | os.PathLike) -> "Network":
        """Read a network file.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is not a network file, is damaged, or describes an impossible network; the file is
            named.
        """
        structure, layers = records.read(path, SCHEMA, _KINDS, "network file")
        try:
            return Network(structure["name"], layers, tuple(structure["outputs"]))
        except KeyError as error:
            raise ValueError(f"{path}: not a network file: {error} is missing") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path}: not a network file: {error}") from error


def file_hash(path: str | os.PathLike) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
