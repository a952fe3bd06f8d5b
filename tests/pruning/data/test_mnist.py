import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from pruning.data import load, mnist


def idx(array: np.ndarray) -> bytes:
    header = bytes([0, 0, 8, array.ndim])
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def published(monkeypatch) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        arrays[f"{part}-images-idx3-ubyte"] = images
        arrays[f"{part}-labels-idx1-ubyte"] = np.arange(count, dtype=np.uint8) % 5
    digests = {name: hashlib.md5(idx(array)).hexdigest() for name, array in arrays.items()}
    monkeypatch.setattr(mnist, "MD5", digests)
    return arrays


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("subfolder", ["", "MNIST/raw"])
def test_reading(tmp_path: Path, published: dict, subfolder: str, packed: bool):
    folder = tmp_path / subfolder
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in published.items():
        data = gzip.compress(idx(array)) if packed else idx(array)
        (folder / (f"{name}.gz" if packed else name)).write_bytes(data)
    data = load("mnist", tmp_path, seed=2)
    np.testing.assert_array_equal(data.test.images[:, 0], published["t10k-images-idx3-ubyte"])
    np.testing.assert_array_equal(data.test.labels, np.arange(20) % 5)
    assert np.bincount(data.validation.labels).tolist() == [1] * 5
    assert len(data.train) == 55
    assert data.pixels.shape == data.train.images.shape[1:] == (1, 28, 28)
    given = {image.tobytes() for image in published["train-images-idx3-ubyte"]}
    read = [*data.train.images, *data.validation.images]
    assert given == {image.tobytes() for image in read}


def test_no_folder_was_named():
    with pytest.raises(ValueError, match=r"^data set 'mnist' must have a folder, not None$"):
        load("mnist")


def test_a_file_is_missing(tmp_path: Path):
    name = "train-images-idx3-ubyte"
    sentence = rf"^data set 'mnist': file '{name}' \(or {name}\.gz\) is neither in '.*raw' nor in '"
    with pytest.raises(FileNotFoundError, match=sentence):
        load("mnist", tmp_path / "nowhere")


def test_a_file_is_not_the_published_one(tmp_path: Path, published: dict):
    path = tmp_path / "train-images-idx3-ubyte"
    data = idx(published[path.name])
    path.write_bytes(data[:-1])
    expected, found = hashlib.md5(data).hexdigest(), hashlib.md5(data[:-1]).hexdigest()
    with pytest.raises(ValueError, match=rf"{path.name}: md5 .* must be {expected}, not {found}$"):
        load("mnist", tmp_path)


@pytest.mark.parametrize("damage", [lambda d: d[:-20], lambda d: b"not gzip at all", lambda d: b""])
def test_a_packed_file_is_damaged(tmp_path: Path, published: dict, damage):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(damage(gzip.compress(idx(published[path.stem]))))
    with pytest.raises(ValueError, match=r"idx3-ubyte\.gz: (not a whole gzip file|md5)"):
        load("mnist", tmp_path)


def test_the_published_digests_are_in_place():
    assert mnist.MD5["t10k-labels-idx1-ubyte"] == "27ae3e4e09519cfbb04c329615203637"
