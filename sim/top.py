"""An emitted top level as ``top.json`` describes it: ports, and how elements lie in beats."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SCHEMA = "secateur.top/1"
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_KEYS = ("stream", "shape", "bits", "signed", "elements_per_beat", "beats")


@dataclass(frozen=True)
class Port:
    """One AXI4-Stream of a top level.

    Elements run in raster order, the channels of a pixel together, low bits of ``tdata`` first.

    Parameters
    ----------
    stream : str
        Prefix of the port's signals.
    shape : (C, H, W)
        One frame.
    bits, signed
        Format of an element.
    elements_per_beat, beats : int
        Elements in a beat; beats in a frame.
    layer : str
        Name of the layer whose result an output is; empty for an input.
    """

    stream: str
    shape: tuple[int, int, int]
    bits: int
    signed: bool
    elements_per_beat: int
    beats: int
    layer: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))
        if not IDENTIFIER.fullmatch(self.stream):
            raise ValueError(f"stream must be an identifier, not {self.stream!r}")
        if len(self.shape) != 3 or min(*self.shape, self.bits, self.elements_per_beat) < 1:
            raise ValueError(f"stream {self.stream!r} must have a shape, bits and elements")
        if self.beats != -(-int(np.prod(self.shape)) // self.elements_per_beat):
            raise ValueError(f"stream {self.stream!r}: beats must hold a frame, not {self.beats}")

    @property
    def width(self) -> int:
        """Bits of ``tdata``: whole bytes."""
        return -(-self.bits * self.elements_per_beat // 8) * 8

    @property
    def range(self) -> tuple[int, int]:
        """Smallest and largest element."""
        if self.signed:
            return -(1 << self.bits - 1), (1 << self.bits - 1) - 1
        return 0, (1 << self.bits) - 1

    def check(self, frames: np.ndarray) -> None:
        """Check that frames have the stream's shape and that every element fits.

        Raises
        ------
        ValueError
            If they do not.
        """
        if frames.ndim != 4 or frames.shape[1:] != self.shape or not len(frames):
            raise ValueError(f"frames must be (N, {self.shape}), not {frames.shape}")
        low, high = self.range
        if frames.min() < low or frames.max() > high:
            raise ValueError(
                f"frames must lie in {low}..{high}, not {frames.min()}..{frames.max()}"
            )

    def pack(self, frames: np.ndarray) -> list[str]:
        """Beats of frames.

        Parameters
        ----------
        frames : (N, C, H, W) int

        Returns
        -------
        list of N * beats hexadecimal str
        """
        self.check(frames)
        elements = frames.astype(np.int64).transpose(0, 2, 3, 1).reshape(len(frames), -1)
        missing = self.beats * self.elements_per_beat - elements.shape[1]
        elements = np.pad(elements, ((0, 0), (0, missing))).reshape(-1, self.elements_per_beat, 1)
        bits = (elements >> np.arange(self.bits) & 1).astype(np.uint8)  # (beats, elements, bits)
        words = np.packbits(bits.reshape(len(bits), -1), axis=1, bitorder="little")
        return [word.tobytes().hex() for word in words[:, ::-1]]

    def unpack(self, beats: list[str]) -> np.ndarray:
        """Frames of beats: the inverse of `pack`, whole frames only.

        Parameters
        ----------
        beats : list of hexadecimal str

        Returns
        -------
        (N, C, H, W) int64
        """
        words = np.frombuffer(bytes.fromhex("".join(beats)), np.uint8)
        words = words.reshape(len(beats), -1)[:, ::-1]
        used = self.elements_per_beat * self.bits
        bits = np.unpackbits(words, axis=1, bitorder="little")[:, :used].astype(np.int64)
        weights = 1 << np.arange(self.bits, dtype=np.int64)
        weights[-1] *= -1 if self.signed else 1
        elements = bits.reshape(-1, self.bits) @ weights
        channels, height, width = self.shape
        frames = elements.reshape(-1, self.beats * self.elements_per_beat)
        frames = frames[:, : channels * height * width]
        return frames.reshape(-1, height, width, channels).transpose(0, 3, 1, 2)


@dataclass(frozen=True)
class Top:
    """A top level: its module, its streams and the cycles it is said to take.

    Parameters
    ----------
    name, clock, reset : str
        Module and ports; the reset is synchronous and active low.
    input : Port
        The stream it takes.
    outputs : tuple of Port
        The streams it gives, each of a layer.
    weights : Port, optional
        The stream on which weights can be loaded, as one frame of bytes.
    interval, latency : int
        Cycles between frames, and from the first beat in to the first frame's last beat out, of all
        outputs.
    """

    name: str
    clock: str
    reset: str
    input: Port
    outputs: tuple[Port, ...]
    interval: int
    latency: int
    weights: Port | None = None

    def __post_init__(self) -> None:
        for name in (self.name, self.clock, self.reset):
            if not IDENTIFIER.fullmatch(name):
                raise ValueError(f"name must be an identifier, not {name!r}")
        if self.interval < 1:
            raise ValueError(f"interval must be at least 1, not {self.interval}")
        if self.latency < 0:
            raise ValueError(f"latency must be at least 0, not {self.latency}")
        for key in ("stream", "layer"):
            names = [getattr(port, key) for port in self.outputs]
            if len(set(names)) < len(names):
                raise ValueError(f"every output must have a {key} of its own, not {names}")

    @property
    def ports(self) -> tuple[Port, ...]:
        """All streams of frames, the one that it takes first."""
        return self.input, *self.outputs

    @classmethod
    def load(cls, folder: Path) -> "Top":
        """Read ``top.json``.

        Raises
        ------
        ValueError
            If the file does not describe a top level with one stream in and at least one out.
        """
        path = folder / "top.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["schema"] != SCHEMA:
                raise ValueError(f"schema must be {SCHEMA!r}, not {content['schema']!r}")
            if len(content["inputs"]) != 1 or not content["outputs"]:
                raise ValueError("there must be one stream in and at least one out")
            return cls(
                name=content["top"],
                clock=content["clock"],
                reset=content["reset"],
                input=_port(content["inputs"][0], _KEYS),
                outputs=tuple(_port(entry, (*_KEYS, "layer")) for entry in content["outputs"]),
                **{key: content["cycles"][key] for key in ("interval", "latency")},
                weights=_weights(content["weights"]) if "weights" in content else None,
            )
        except KeyError as error:
            raise ValueError(f"{path}: {error} must be there") from error
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from error


def _weights(entry: dict) -> Port:
    """Describe the stream of weights of ``top.json``."""
    size = entry["bytes"]
    return Port(entry["stream"], (1, 1, size), 8, False, 1, size)


def _port(entry: dict, keys: tuple[str, ...]) -> Port:
    """One stream of ``top.json``; keys that a harness does not need are left alone."""
    return Port(**{key: entry[key] for key in keys})
