"""Names of the files that the steps of a run leave to each other, and their plain-data records."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw.whole_file import write_whole

if TYPE_CHECKING:
    import numpy as np

REAL = ".real.safetensors"  # networks of real numbers
INTEGER = ".network.safetensors"  # networks of integers
DESIGNS = ("pruned", "dense", "dense_same_rate")


class Folder:
    """Folder of a run.

    Parameters
    ----------
    path : path
        Made when the first step writes.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.run = self.path / "run.json"
        self.frames = self.path / "frames.safetensors"
        self.training = self.path / "dense.training.safetensors"  # what training keeps on its way
        self.steps = self.path / "prune.steps"  # what a pruning keeps on its way
        self.report = self.path / "report.json"
        self.page = self.path / "report.html"
        self.picture = self.path / "report.svg"

    def checkpoint(self, name: str) -> Path:
        """Trained model, ``dense`` or ``pruned``."""
        return self.path / f"{name}.checkpoint"

    def network(self, name: str) -> Path:
        """Integer network, ``dense`` or ``pruned``."""
        return self.path / f"{name}{INTEGER}"

    def accuracy(self, name: str) -> Path:
        """Accuracy of a model and of its integer network."""
        return self.path / f"{name}.accuracy.json"

    def training_log(self, name: str) -> Path:
        """Loss and errors of every epoch that trained a model."""
        return self.path / f"{name}.training.csv"

    def plot(self, name: str) -> Path:
        """Picture of the report, by the name that the page has for it."""
        return self.path / f"report.{name}.svg"

    def design(self, name: str) -> "DesignFolder":
        """Accelerator, one of `DESIGNS`."""
        return DesignFolder(self.path / name)


class DesignFolder:
    """Folder of one accelerator.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.verilog = self.path / "top.v"
        self.top = self.path / "top.json"
        self.network = self.path / "network.safetensors"
        self.folding = self.path / "folding.json"
        self.simulation = self.path / "simulation.json"
        self.synthesis = self.path / "synthesis.json"


def refuse_existing(paths: list[Path], force: bool) -> None:
    """Refuse to write over what is there, unless forced.

    Raises
    ------
    ValueError
        Names the first file that is there.
    """
    for path in paths:
        if path.exists() and not force:
            raise ValueError(f"{path} is there already; --force writes over it")


def write_json(path: Path, record: dict[str, Any]) -> None:
    """Write a record, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(record, indent=2) + "\n")


def read_json(path: Path, made_by: str) -> dict[str, Any]:
    """Read a record.

    Raises
    ------
    ValueError
        If it is not there, which names the command that makes it, or is damaged.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing; secateur {made_by} makes it")
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{path}: not a record of secateur {made_by}: {error}") from error


def save_frames(path: Path, images: "np.ndarray", labels: "np.ndarray") -> None:
    """Write pictures (N, C, H, W) and their labels (N,), complete or not at all."""
    import numpy as np
    from safetensors.numpy import save

    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"images": np.ascontiguousarray(images), "labels": np.ascontiguousarray(labels)}
    write_whole(path, save(data))


def load_frames(path: Path) -> tuple["np.ndarray", "np.ndarray"]:
    """Read pictures (N, C, H, W) and their labels (N,).

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is damaged; the file is named.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(path.read_bytes())
        images, labels = tensors["images"], tensors["labels"]
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path}: not a file of frames: {error}") from error
    if images.ndim != 4 or labels.shape != images.shape[:1]:
        raise ValueError(f"{path}: images must be (N, C, H, W) with N labels, not {images.shape}")
    return images, labels
